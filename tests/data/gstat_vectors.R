# Prints the numbers of R's gstat that tests/core/kriging/test_published.py holds (gstat 2.1-0, sp 1.6-0).
library(gstat)
library(sp)
options(digits = 12)
meuse <- read.csv("meuse.csv")
coordinates(meuse) <- ~x+y
targets <- data.frame(x = c(181180, 180580, 180260, 179660), y = c(333740, 332500, 331300, 330340),
                      dist = c(0, 0.0921598, 0.7716870, 0.2227260))
coordinates(targets) <- ~x+y
show <- function(kriged) print(as.data.frame(kriged)[, c("var1.pred", "var1.var")])
variogram <- vgm(.59, "Sph", 897, .05)
show(krige(log(zinc)~1, meuse, targets, variogram, nmax = 20))
show(krige(log(zinc)~1, meuse, targets, variogram, maxdist = 400))
show(krige(log(zinc)~1, meuse, targets, vgm(.3, "Exp", 300, .05, add.to = vgm(.3, "Gau", 200))))
show(krige(log(zinc)~1, meuse, targets, vgm(.59, "Sph", 1200, .05, anis = c(45, .4))))
show(krige(log(zinc)~sqrt(dist), meuse, targets, vgm(.149, "Sph", 700, .0674)))
samples <- data.frame(x = c(2.40, 6.83, 3.01, 8.00, 6.03, 5.73, 2.99, 0.11, 3.38, 4.42),
                      y = c(3.80, 6.83, 9.71, 1.01, 1.23, 9.77, 3.78, 1.43, 3.82, 5.67),
                      z = c(5.93, 5.36, 0.87, 0.76, 0.79, 7.19, 2.59, 5.95, 2.20, 9.52),
                      v = c(12.13, 19.03, 13.59, 9.78, 8.06, 22.69, 9.36, 7.49, 9.40, 19.61))
coordinates(samples) <- ~x+y+z
places <- data.frame(x = c(5, 1), y = c(5, 2), z = c(5, 3))
coordinates(places) <- ~x+y+z
for (anisotropy in list(c(0, 0, 0, 1, 1), c(30, 0, 0, .5, .25), c(30, 10, 0, .5, .25), c(30, 10, 20, .5, .25)))
  show(krige(v~1, samples, places, vgm(25, "Sph", 12, 1, anis = anisotropy)))
