/* $mark: runs the golden inputs through the network and compares every output value.
 *
 * Exit code 0: all are equal.  On a computer it prints by itself; without an operating system (SELFTEST_BARE) put, ticks and
 * stack_bytes come from elsewhere, such as emulator/start.c.
 */
#include "golden.h"
#include "network.h"

#ifdef SELFTEST_BARE
void put(const char *text);
uint32_t ticks(void);
uint32_t stack_bytes(void);
#else
#include <stdio.h>

static void put(const char *text)
{
    (void)fputs(text, stdout);
}

static uint32_t ticks(void)
{
    return 0u;
}

static uint32_t stack_bytes(void)
{
    return 0u;
}
#endif

static network_input input;
static network_output output;

static void put_number(const char *before, uint32_t number, const char *after)
{
    char digits[11];
    uint32_t place = 10u;
    uint32_t left = number;

    digits[place] = '\0';
    do {
        place--;
        digits[place] = (char)('0' + (int)(left % 10u));
        left /= 10u;
    } while (left != 0u);
    put(before);
    put(&digits[place]);
    put(after);
}

int main(void)
{
    uint32_t different = 0u;
    uint32_t whole = 0u;
    uint32_t longest = 0u;
    uint32_t sample;
    uint32_t step;
    uint32_t i;

    for (sample = 0u; sample < GOLDEN_SAMPLES; sample++) {
        network_reset();
        for (step = 0u; step < GOLDEN_STEPS; step++) {
            uint32_t before;
            uint32_t taken;

            input = golden_inputs[(sample * GOLDEN_STEPS) + step];
            before = ticks();
            network_step(&input, &output);
            taken = ticks() - before;
            whole += taken;
            longest = (taken > longest) ? taken : longest;
            for (i = 0u; i < NETWORK_OUTPUTS; i++) {
                if (output.value[i] != golden_outputs[(sample * GOLDEN_STEPS) + step].value[i]) {
                    different++;
                }
            }
        }
    }
    put_number("values       ", GOLDEN_SAMPLES * GOLDEN_STEPS * NETWORK_OUTPUTS, "\n");
    put_number("different    ", different, "\n");
    if (whole != 0u) {
        put_number("ticks a step ", whole / (GOLDEN_SAMPLES * GOLDEN_STEPS), "\n");
        put_number("ticks at most ", longest, "\n");
        put_number("stack bytes  ", stack_bytes(), "\n");
    }
    put((different == 0u) ? "PASS\n" : "FAIL\n");
    return (different == 0u) ? 0 : 1;
}
