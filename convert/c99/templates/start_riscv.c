/* $mark: start of the self-test on the RISC-V board `virt` that QEMU emulates, with output by its serial port.
 *
 * Not for a real board: that has a start of its own.  With `-icount shift=0` the counter of cycles counts instructions.
 */
#include <stdint.h>

#define SERIAL ((volatile uint8_t *)0x10000000u)
#define FINISHER ((volatile uint32_t *)0x00100000u)
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
void begin(void);
void *memset(void *to, int value, unsigned count);
void *memcpy(void *to, const void *from, unsigned count);

void put(const char *text)
{
    while (*text != '\0') {
        *SERIAL = (uint8_t)*text++;
    }
}

uint32_t ticks(void)
{
    register uint32_t count __asm__("a0");

    __asm__ volatile(".4byte 0xB0002573" : "=r"(count)); /* csrr a0, mcycle, which needs no zicsr this way */
    return count;
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

void begin(void)
{
    uint32_t *place;
    uint32_t *here;

    __asm__ volatile("mv %0, sp" : "=r"(here));
    for (place = bss_start; place < bss_end; place++) {
        *place = 0u;
    }
    for (place = stack_low; place < (here - 16); place++) {
        *place = PAINT;
    }
    *FINISHER = (main() == 0) ? 0x5555u : ((1u << 16) | 0x3333u);
    for (;;) {
    }
}

__attribute__((naked, section(".start"))) void start(void)
{
    __asm__ volatile("la sp, stack_top\n\tj begin");
}
