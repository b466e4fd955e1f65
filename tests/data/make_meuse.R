# Writes meuse.csv: what the kriging tests need of the data set meuse in the R package sp.
library(sp)
data(meuse)
write.csv(meuse[, c("x", "y", "zinc", "dist")], "meuse.csv", row.names = FALSE, quote = FALSE)
