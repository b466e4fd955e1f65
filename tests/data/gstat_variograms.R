# Writes gstat_variograms.csv: experimental variograms of R's gstat that tests compare ours with. Run in this folder.
library(gstat)
library(sp)
rows <- list()
keep <- function(case, found) {
  found <- found[, c("np", "dist", "gamma", "dir.hor", "dir.ver")]
  rows[[length(rows) + 1]] <<- data.frame(case = case, found)
}

meuse <- read.csv("meuse.csv")
flat <- meuse
coordinates(flat) <- ~x+y
keep("directions", variogram(log(zinc)~1, flat, alpha = c(0, 45, 90, 135)))
keep("narrow", variogram(log(zinc)~1, flat, alpha = 30, tol.hor = 10, cutoff = 1200, width = 100))
keep("narrow, cressie", variogram(log(zinc)~1, flat, alpha = 30, tol.hor = 10, cutoff = 1200, width = 100, cressie = TRUE))
keep("given edges", variogram(log(zinc)~1, flat, boundaries = c(100, 150, 300, 700, 1500)))

deep <- meuse
deep$z <- 3000 * deep$dist + seq_len(nrow(deep)) / 1000  # no two at one level
coordinates(deep) <- ~x+y+z
keep("3-D, horizontal", variogram(log(zinc)~1, deep, alpha = 120, beta = 0, tol.hor = 25, tol.ver = 25, cutoff = 1200,
                                  width = 100))
keep("3-D, vertical", variogram(log(zinc)~1, deep, beta = 90, tol.hor = 90, tol.ver = 35, cutoff = 1200, width = 100))

map <- variogram(log(zinc)~1, flat, cutoff = 1008.5, width = 201.7, map = TRUE)$map
map <- data.frame(map@data[, 1:2], coordinates(map))
names(map) <- c("gamma", "np", "dx", "dy")
map <- map[!is.na(map$gamma), ]
keep("map", data.frame(np = map$np, dist = 0, gamma = map$gamma, dir.hor = map$dx, dir.ver = map$dy))

table <- do.call(rbind, rows)
names(table) <- c("case", "pairs", "lag", "gamma", "azimuth", "dip")
for (name in c("lag", "gamma")) table[[name]] <- sprintf("%.12g", table[[name]])
writeLines(paste("# R gstat", packageVersion("gstat")), "gstat_variograms.csv")
suppressWarnings(write.table(table, "gstat_variograms.csv", append = TRUE, sep = ";", row.names = FALSE, quote = FALSE))
