// The list of models and devices: every pack there is comes from here.
#include "engine/pack_of.h"
#include "models/birnn.h"

namespace caviar {

std::unique_ptr<Pack> make_cpu_pack(const PackKey& key, std::shared_ptr<const Dataset> data, int slots) {
  if (key.precision != "fp32") fail("precision is '", key.precision, "'; the CPU device trains in 'fp32' only.");
  if (key.family == "birnn") {
    BiRnnShape shape;
    shape.steps = data->steps;
    shape.features = data->features;
    shape.classes = data->classes;
    shape.cell = key.cell;
    shape.hidden_size = key.hidden_size;
    shape.num_layers = key.num_layers;
    shape.bidirectional = key.bidirectional;
    shape.readout = key.readout;
    return std::make_unique<PackOf<BiRnn<Cpu>>>(key, shape, std::move(data), slots);
  }
  fail("There is no model family '", key.family, "'; known: birnn.");
}

}  // namespace caviar
