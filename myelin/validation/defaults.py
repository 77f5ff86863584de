"""The loss that a validation allows unless it is told another."""

#: Allowed loss of accuracy in percent points, or allowed increase of an error in percent, of ``validate``, ``report`` and
#: ``demo`` alike.  It is a convention that looks at no result: a few hundred samples can rule out a loss of 3 points (500 do in
#: nine of ten cases if the networks are equally good and differ on one sample in 25), while a loss of 1 point takes thousands.
MAX_DROP = 3.0
