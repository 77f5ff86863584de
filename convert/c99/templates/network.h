/* $mark: a spiking network as portable C99.
 *
 * Call network_reset() once, then network_step() for every step of time.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NETWORK_INPUTS $inputs /* $input_shape */
#define NETWORK_OUTPUTS $outputs
$input_values

/* Bytes of its constants in flash and of its state in RAM, without code and stack. */
#define NETWORK_CONSTANT_BYTES $constant_bytes
#define NETWORK_RAM_BYTES $ram_bytes

/* Steps between two resets of the states of a layer, layer l at step l; 0 for none. */
#ifndef NETWORK_RESET_INTERVAL
#define NETWORK_RESET_INTERVAL 0u
#endif

/* The input of a step: $input_meaning. */
typedef struct {
$input_member
} network_input;

/* The output of a step: $output_meaning. */
typedef struct {
    $output_type value[NETWORK_OUTPUTS];
} network_output;

/* Brings the network to rest, with no spikes under way. */
void network_reset(void);

/* One step of time.  An input takes one step to each layer that it passes, besides its delays. */
void network_step(const network_input *input, network_output *output);

#ifdef NETWORK_TRACE
/* Yours: called for every neuron in every step; population -1 is the neurons of the input. */
void network_trace(int32_t population, uint32_t neuron, int32_t sent);
#endif

#ifdef __cplusplus
}
#endif

#endif
