/* $mark: start of the self-test on a Cortex-M that QEMU emulates, with output by semihosting.
 *
 * Not for a real board: that has a start of its own.  With `-icount shift=6` an instruction takes 64 ns of the emulated time,
 * which the 25 MHz timer of the MPS2 boards counts, so ticks() is a number of instructions.
 */
#include <stdint.h>

#define TIMER ((volatile uint32_t *)0x40000000u)
#define PAINT 0xA5A5A5A5u

extern uint32_t bss_start[];
extern uint32_t bss_end[];
extern uint32_t stack_low[];
extern uint32_t stack_top[];

int main(void);
void put(const char *text);
uint32_t ticks(void);
uint32_t stack_bytes(void);
void start(void);
void *memset(void *to, int value, unsigned count);
void *memcpy(void *to, const void *from, unsigned count);

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {stack_top, (const void *)start};

static void call_host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void put(const char *text)
{
    call_host(0x04u, text);
}

uint32_t ticks(void)
{
    const uint64_t passed = 0xFFFFFFFFu - TIMER[1];

    return (uint32_t)((passed * 5u) / 8u);
}

uint32_t stack_bytes(void)
{
    const uint32_t *place = stack_low;

    while ((place < stack_top) && (*place == PAINT)) {
        place++;
    }
    return (uint32_t)((const char *)stack_top - (const char *)place);
}

void *memset(void *to, int value, unsigned count)
{
    unsigned char *place = to;

    while (count-- != 0u) {
        *place++ = (unsigned char)value;
    }
    return to;
}

void *memcpy(void *to, const void *from, unsigned count)
{
    unsigned char *place = to;
    const unsigned char *source = from;

    while (count-- != 0u) {
        *place++ = *source++;
    }
    return to;
}

void start(void)
{
    uint32_t *place;
    uint32_t *here;
    uint32_t reason[2];

    __asm__ volatile("mov %0, sp" : "=r"(here));
    for (place = bss_start; place < bss_end; place++) {
        *place = 0u;
    }
    for (place = stack_low; place < (here - 16); place++) {
        *place = PAINT;
    }
    TIMER[2] = 0xFFFFFFFFu;
    TIMER[1] = 0xFFFFFFFFu;
    TIMER[0] = 1u;
    reason[1] = (uint32_t)main();
    reason[0] = 0x20026u;
    call_host(0x20u, reason);
    for (;;) {
    }
}
