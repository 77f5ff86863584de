/* $mark: golden inputs of the network with their exact outputs.
 *
 * $text
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "network.h"

#define GOLDEN_SAMPLES ${samples}u
#define GOLDEN_STEPS ${steps}u

static const network_input golden_inputs[$count] = {
$inputs
};

static const network_output golden_outputs[$count] = {
$outputs
};

#endif
