/* $mark: a spiking network as portable C99, without floats, dynamic memory or libraries.
 *
 * Sums and states are the integers of Loihi 2: words wrap modulo 2^32, currents wrap and voltages saturate at 24 bits.
 * Layers are computed from the last to the first, so a spike takes one step from a layer to the next.
 */
#include "network.h"

$constants/* The state. */
static struct {
#if NETWORK_RESET_INTERVAL > 0
    uint32_t step; /* the step, modulo the interval */
#endif
$state_members
} ram;

/* This fails to compile if the state is not as predicted. */
#if NETWORK_RESET_INTERVAL == 0
typedef char network_state_is_as_predicted[(sizeof(ram) == NETWORK_RAM_BYTES) ? 1 : -1];
#endif

$helpers

$functions

void network_reset(void)
{
$clears
#if NETWORK_RESET_INTERVAL > 0
    ram.step = 0u;
#endif
}

void network_step(const network_input *input, network_output *output)
{
$unused_input$steps$advances
#if NETWORK_RESET_INTERVAL > 0
    ram.step = (ram.step == (NETWORK_RESET_INTERVAL - 1u)) ? 0u : (ram.step + 1u);
#endif
}
