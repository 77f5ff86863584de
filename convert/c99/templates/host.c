/* $mark: runs whole samples, and keeps what every population sends. */
#include "network.h"

void network_run(const network_input *inputs, network_output *outputs, uint32_t steps, int32_t *trace);

static const uint32_t first[$populations] = {$firsts};
static int32_t *row;

void network_trace(int32_t population, uint32_t neuron, int32_t sent)
{
    if (row != 0) {
        row[first[population + 1] + neuron] = sent;
    }
}

void network_run(const network_input *inputs, network_output *outputs, uint32_t steps, int32_t *trace)
{
    uint32_t t;

    row = trace;
    network_reset();
    for (t = 0u; t < steps; t++) {
        network_step(&inputs[t], &outputs[t]);
        row = (row == 0) ? 0 : &row[$neurons];
    }
}
