/* Constants, the widest first, so that no padding stands between them. */
static const struct {
$members
} flash = {
$values
};

/* This fails to compile if the constants are not as predicted. */
typedef char network_constants_are_as_predicted[(sizeof(flash) == NETWORK_CONSTANT_BYTES) ? 1 : -1];

