# Writes jura.csv: cadmium, cobalt, nickel and zinc of the data set jura in the R package gstat; set is "prediction" or "validation".
library(gstat)
data(jura)
keep <- function(part, name)
  data.frame(x = part$Xloc, y = part$Yloc, cd = part$Cd, co = part$Co, ni = part$Ni, zn = part$Zn, set = name)
write.csv(rbind(keep(prediction.dat, "prediction"), keep(validation.dat, "validation")), "jura.csv",
          row.names = FALSE, quote = FALSE)
