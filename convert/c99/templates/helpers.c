/* The signed number with the bits of a word. */
static int32_t as_signed(uint32_t word)
{
    return (word <= 0x7FFFFFFFu) ? (int32_t)word : (-(int32_t)(~word) - 1);
}

/* The bits of a signed number as a word. */
static uint32_t word(int32_t number)
{
    return (uint32_t)number;
}

/* A signed number in a word, divided by a power of two and rounded down. */
static uint32_t floor_shift(uint32_t word, uint32_t bits)
{
    return (word <= 0x7FFFFFFFu) ? (word >> bits) : ~((~word) >> bits);
}

/* The low 24 bits of a word as a signed number in a word. */
static uint32_t wrap24(uint32_t word)
{
    return ((word + 0x800000u) & 0xFFFFFFu) - 0x800000u;
}

/* What remains of a state after a step: state * keep / 4096, rounded toward zero. */
static int32_t decayed(int32_t state, uint32_t keep)
{
    const uint32_t size = (state < 0) ? (0u - (uint32_t)state) : (uint32_t)state;
    const uint32_t left = ((size >> 12) * keep) + (((size & 4095u) * keep) >> 12);

    return as_signed((state < 0) ? (0u - left) : left);
}

/* A state times a fraction of either sign, rounded toward zero: state * share / 4096 for states of 24 bits. */
static int32_t turned(int32_t state, int32_t share)
{
    const uint32_t size = (state < 0) ? (0u - (uint32_t)state) : (uint32_t)state;
    const uint32_t part = (share < 0) ? (0u - (uint32_t)share) : (uint32_t)share;
    const uint32_t left = ((size >> 12) * part) + (((size & 4095u) * part) >> 12);

    return ((state < 0) != (share < 0)) ? -(int32_t)left : (int32_t)left;
}

/* A drive, limited to 31 bits, which a sum with a state of 24 bits stays within. */
static int32_t limited(int32_t drive)
{
    int32_t result = drive;

    if (drive > 1073741824) {
        result = 1073741824;
    } else if (drive < -1073741824) {
        result = -1073741824;
    } else {
        /* it fits */
    }
    return result;
}

/* A current, wrapped once into 24 bits as the chip does. */
static int32_t wrapped_current(int32_t current)
{
    int32_t result = current;

    if (current > 8388608) {
        result = current - 16777216;
    } else if (current <= -8388608) {
        result = current + 16777216;
    } else {
        /* it fits */
    }
    return result;
}

/* A voltage, limited to 24 bits. */
static int32_t saturated(int32_t voltage)
{
    int32_t result = voltage;

    if (voltage > 8388607) {
        result = 8388607;
    } else if (voltage < -8388607) {
        result = -8388607;
    } else {
        /* it fits */
    }
    return result;
}

/* The magnitude of a number as a word. */
static uint32_t magnitude(int32_t number)
{
    return (number < 0) ? (0u - (uint32_t)number) : (uint32_t)number;
}

/* The place of the lowest bit that is set in a word other than 0. */
static uint32_t lowest_bit(uint32_t word)
{
    return flash.lowest_bit[((word & (0u - word)) * 0x077CB531u) >> 27];
}

/* Set the bit of one source in a row. */
static void set_bit(uint32_t *row, uint32_t source)
{
    row[source >> 5] |= (uint32_t)1u << (source & 31u);
}

/* Clear the words of a row. */
static void clear(uint32_t *row, uint32_t words)
{
    uint32_t w;

    for (w = 0u; w < words; w++) {
        row[w] = 0u;
    }
}

/* The row of a ring that lies ahead of row at, by no more rows than the ring has. */
static uint32_t row_ahead(uint32_t at, uint32_t ahead, uint32_t rows)
{
    const uint32_t row = at + ahead;

    return (row >= rows) ? (row - rows) : row;
}

/* Add a row of weights to the sums. */
static void add_row_WEIGHT(uint32_t *restrict sum, const WEIGHT_T *restrict weight, uint32_t count)
{
    const uint32_t fours = count & ~3u;
    uint32_t i;

    for (i = 0u; i < fours; i += 4u) {
        sum[i] += word(weight[i]);
        sum[i + 1u] += word(weight[i + 1u]);
        sum[i + 2u] += word(weight[i + 2u]);
        sum[i + 3u] += word(weight[i + 3u]);
    }
    for (i = fours; i < count; i++) {
        sum[i] += word(weight[i]);
    }
}

/* Add a row of weights to the sums, times a value. */
static void add_row_scaled_WEIGHT(uint32_t *restrict sum, const WEIGHT_T *restrict weight, uint32_t count, uint32_t value)
{
    const uint32_t fours = count & ~3u;
    uint32_t i;

    for (i = 0u; i < fours; i += 4u) {
        sum[i] += word(weight[i]) * value;
        sum[i + 1u] += word(weight[i + 1u]) * value;
        sum[i + 2u] += word(weight[i + 2u]) * value;
        sum[i + 3u] += word(weight[i + 3u]) * value;
    }
    for (i = fours; i < count; i++) {
        sum[i] += word(weight[i]) * value;
    }
}

/* Add the weights of listed synapses to the sums of their targets. */
static void add_list_WEIGHT_INDEX(uint32_t *restrict sum, const INDEX_T *restrict target, const WEIGHT_T *restrict weight, uint32_t count)
{
    uint32_t n;

    for (n = 0u; n < count; n++) {
        sum[target[n]] += word(weight[n]);
    }
}

/* Add the weights of listed synapses to the sums of their targets, times a value. */
static void add_list_scaled_WEIGHT_INDEX(uint32_t *restrict sum, const INDEX_T *restrict target, const WEIGHT_T *restrict weight, uint32_t count,
                                         uint32_t value)
{
    uint32_t n;

    for (n = 0u; n < count; n++) {
        sum[target[n]] += word(weight[n]) * value;
    }
}

/* Add the weights of one place of a kernel to the sums of its output channels, which lie apart. */
static void add_kernel_WEIGHT(uint32_t *restrict sum, const WEIGHT_T *restrict weight, uint32_t count, uint32_t apart, uint32_t value)
{
    uint32_t o;

    for (o = 0u; o < count; o++) {
        sum[o * apart] += word(weight[o]) * value;
    }
}
