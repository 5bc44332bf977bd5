#include "dispatch.hpp"

#include <atomic>

namespace optix {
namespace {

bool has(Isa isa) {
#ifdef OPTIX_X86_ISAS
  __builtin_cpu_init();
  // These also ask the operating system whether it saves the wide registers.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  switch (isa) {
    case Isa::avx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case Isa::avx2:
      return avx2;
    case Isa::baseline:
      return true;
  }
#endif
  return isa == Isa::baseline;
}

std::atomic<Isa>& active() {
  static std::atomic<Isa> isa{available_isas().front()};
  return isa;
}

}  // namespace

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::baseline:
      break;
  }
  return "baseline";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> found;
  for (Isa isa : {Isa::avx512, Isa::avx2, Isa::baseline}) {
    if (has(isa)) found.push_back(isa);
  }
  return found;
}

Isa active_isa() { return active().load(std::memory_order_relaxed); }
void use_isa(Isa isa) { active().store(isa, std::memory_order_relaxed); }

}  // namespace optix
