// Slots of one pack key on one device. Hides the model, the device and how steps are carried out.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/run.h"

namespace caviar {

// Used by one thread. A slot is free, ready to train, or at a rung, where it waits for go_on() or evict().
class Pack {
 public:
  virtual ~Pack() = default;

  virtual int slots() const = 0;

  // Puts a run into a free slot, from its beginning or from order.resume. Throws Error when the state does not fit.
  virtual void admit(int slot, const RunOrder& order) = 0;
  virtual void evict(int slot) = 0;
  virtual void go_on(int slot) = 0;

  // Trains ready slots until at least one reaches a rung, evaluates those that arrived, returns their reports and
  // leaves them at the rung (or over). With `stop` set it returns after the steps or the few examples under way,
  // perhaps without a report.
  virtual std::vector<Report> advance(const std::atomic<bool>& stop) = 0;

  // All that is needed to go on from here, at any step: parameters, moments, averages, counters.
  virtual std::vector<std::byte> save(int slot) = 0;
  virtual std::int64_t step(int slot) const = 0;

  // The parameters [P] (or their averages) of a slot, in the order of the model's tensors.
  virtual std::vector<float> read(int slot, bool averages) = 0;
};

// Throws Error when the order cannot be trained on a CPU: sizes out of range, data that cannot serve it, a state that
// is another run's.
void check_cpu_order(const RunOrder& order, const Dataset& data);

// What a pack of one key takes of a device's memory: fixed_bytes + slots * slot_bytes.
struct PackMemory {
  std::int64_t fixed_bytes = 0;  // on a CPU thread: activations and gradients, which its slots share
  std::int64_t slot_bytes = 0;   // parameters, state of the optimizer, averages; on a GPU activations too
};
PackMemory cpu_pack_memory(const PackKey& key, const Dataset& data);

// Parameters of the model, on every device. Throws Error for an unknown family or sizes out of range.
std::int64_t parameters_of(const PackKey& key, const Dataset& data);

// A pack for the key on one CPU thread: the list of models. Throws Error for an unknown family or sizes out of range.
std::unique_ptr<Pack> make_cpu_pack(const PackKey& key, std::shared_ptr<const Dataset> data, int slots);

}  // namespace caviar
