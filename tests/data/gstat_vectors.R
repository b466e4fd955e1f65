# Writes gstat_vectors.csv: numbers of R's gstat that tools/kriging_vectors.py compares ours with. Run in this folder.
library(gstat)
library(sp)
version <- as.character(packageVersion("gstat"))
rows <- list()
keep <- function(case, kriged) {
  kriged <- as.data.frame(kriged)
  rows[[length(rows) + 1]] <<- data.frame(case = case, estimate = kriged$var1.pred, variance = kriged$var1.var)
}

meuse <- read.csv("meuse.csv")
coordinates(meuse) <- ~x+y
targets <- data.frame(x = c(181180, 180580, 180260, 179660), y = c(333740, 332500, 331300, 330340),
                      dist = c(0, 0.0921598, 0.7716870, 0.2227260))
coordinates(targets) <- ~x+y
log_zinc <- vgm(.59, "Sph", 897, .05)
keep("meuse log zinc, all samples", krige(log(zinc)~1, meuse, targets, log_zinc))
keep("meuse log zinc, nearest 20", krige(log(zinc)~1, meuse, targets, log_zinc, nmax = 20))
keep("meuse log zinc, within 400 m", krige(log(zinc)~1, meuse, targets, log_zinc, maxdist = 400))
keep("meuse log zinc, 3 a quadrant", krige(log(zinc)~1, meuse, targets, log_zinc, maxdist = 600, omax = 3))
keep("meuse log zinc, nested", krige(log(zinc)~1, meuse, targets,
                                     vgm(.3, "Exp", 300, .05, add.to = vgm(.3, "Gau", 200))))
keep("meuse log zinc, anisotropic", krige(log(zinc)~1, meuse, targets, vgm(.59, "Sph", 1200, .05, anis = c(45, .4))))
keep("meuse log zinc, external drift", krige(log(zinc)~sqrt(dist), meuse, targets, vgm(.149, "Sph", 700, .0674)))
keep("meuse log zinc, external drift, block",
     krige(log(zinc)~sqrt(dist), meuse, targets, vgm(.149, "Sph", 700, .0674), block = c(60, 20)))
keep("meuse log zinc, external drift of the nearest 25",
     krige(log(zinc)~sqrt(dist), meuse, targets, vgm(.149, "Sph", 700, .0674), nmax = 25))

places <- data.frame(x = c(181170, 180310, 180205, 178673, 178770, 178270),
                     y = c(333250, 332189, 331707, 330066, 330675, 331075))
coordinates(places) <- ~x+y
zinc <- vgm(1.34e5, "Sph", 800, nugget = 2.42e4)
error <- vgm(1.34e5, "Sph", 800, add.to = vgm(2.42e4, "Err", 0))
keep("meuse zinc, points", krige(zinc~1, meuse, places, zinc, nmax = 40))
keep("meuse zinc, blocks, Gauss points", krige(zinc~1, meuse, places, zinc, nmax = 40, block = c(40, 40)))
keep("meuse zinc, blocks, 4 x 4 regular points",
     krige(zinc~1, meuse, places, zinc, nmax = 40, block = c(40, 40), set = list(nblockdiscr = 4)))
keep("meuse zinc, simple", krige(zinc~1, meuse, places, zinc, nmax = 40, beta = 469.7))
keep("meuse zinc, simple, blocks, all samples", krige(zinc~1, meuse, places, zinc, beta = 469.7, block = c(40, 40)))
keep("meuse zinc, measurement error", krige(zinc~1, meuse, places, error, nmax = 40))
keep("meuse zinc, measurement error, at samples", krige(zinc~1, meuse, meuse[1:4, ], error, nmax = 40))
keep("meuse zinc, plane", krige(zinc~1, meuse, places, zinc, degree = 1))
keep("meuse zinc, plane, blocks", krige(zinc~1, meuse, places, zinc, degree = 1, block = c(40, 40)))
keep("meuse zinc, quadratic", krige(zinc~1, meuse, places, zinc, degree = 2))
keep("meuse zinc, plane of the nearest 40", krige(zinc~1, meuse, places, zinc, nmax = 40, degree = 1))
keep("meuse zinc, plane of the nearest 40, blocks",
     krige(zinc~1, meuse, places, zinc, nmax = 40, degree = 1, block = c(40, 40)))
keep("meuse zinc, quadratic of the nearest 60", krige(zinc~1, meuse, places, zinc, nmax = 60, degree = 2))
keep("meuse zinc above 500", krige(I(zinc > 500)~1, meuse, places, vgm(.17, "Sph", 700, .02)))

cube <- read.csv("cube.csv")
coordinates(cube) <- ~x+y+z
inside <- data.frame(x = c(5, 1), y = c(5, 2), z = c(5, 3))
coordinates(inside) <- ~x+y+z
turns <- list("isotropic" = c(0, 0, 0, 1, 1), "azimuth 30" = c(30, 0, 0, .5, .25),
              "dip 10" = c(30, 10, 0, .5, .25), "third angle 20" = c(30, 10, 20, .5, .25))
for (name in names(turns))
  keep(paste("3-D,", name), krige(v~1, cube, inside, vgm(25, "Sph", 12, 1, anis = turns[[name]])))

jura <- read.csv("jura.csv")
coordinates(jura) <- ~x+y
train <- jura[jura$set == "prediction", ]
rest <- jura[jura$set == "validation", ]
cadmium <- vgm(.3, "Nug", 0, add.to = vgm(.3, "Sph", .2, add.to = vgm(.26, "Sph", 1.3)))
keep("Jura cadmium, all samples", krige(cd~1, train, rest, cadmium))
keep("Jura cadmium, nearest 16", krige(cd~1, train, rest, cadmium, nmax = 16))

table <- do.call(rbind, rows)
table$estimate <- signif(table$estimate, 12)
table$variance <- signif(table$variance, 12)
table$gstat <- version
write.csv(format(table, digits = 12, trim = TRUE), "gstat_vectors.csv", row.names = FALSE)

# Errors at the 100 validation samples of Jura, with a spherical model fitted by gstat to variograms up to 2 km.
fits <- list()
for (metal in c("cd", "co", "ni", "zn")) {
  form <- as.formula(paste(metal, "~1"))
  start <- var(train[[metal]])
  fit <- suppressWarnings(fit.variogram(variogram(form, train, cutoff = 2, width = .1),
                                        vgm(start / 2, "Sph", 1, start / 2)))
  kriged <- krige(form, train, rest, fit)
  error <- rest[[metal]] - kriged$var1.pred
  fits[[metal]] <- data.frame(metal = metal, nugget = fit$psill[1], psill = fit$psill[2], range = fit$range[2],
                              rmse = sqrt(mean(error^2)), mae = mean(abs(error)),
                              r = cor(rest[[metal]], kriged$var1.pred),
                              within = mean(abs(error) <= 1.959964 * sqrt(kriged$var1.var)))
}
write.csv(format(do.call(rbind, fits), digits = 12, trim = TRUE), "gstat_jura.csv", row.names = FALSE, quote = FALSE)
