#include "engine/local_executor.h"

#include "engine/cpu_worker.h"
#include "engine/executor_of.h"

namespace caviar {

std::unique_ptr<Executor> make_local_executor(const std::shared_ptr<const Dataset>& data, int threads) {
  if (threads < 1) fail("threads is ", threads, "; at least 1 is needed.");
  const ExecutorOf<CpuWorker>::MakeWorker make = [data] { return std::make_unique<CpuWorker>(data); };
  return std::make_unique<ExecutorOf<CpuWorker>>(
      std::vector(static_cast<std::size_t>(threads), make),
      [data](const RunOrder& order) { check_cpu_order(order, *data); }, nullptr);
}

}  // namespace caviar
