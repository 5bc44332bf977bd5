// Which instruction set the kernels run on: the best this machine has, or the one that was asked for.
#pragma once

#include <vector>

namespace optix {

enum class Isa { baseline, avx2, avx512 };

const char* name_of(Isa isa);
std::vector<Isa> available_isas();  // best first
Isa active_isa();
void use_isa(Isa isa);  // for tests and benchmarks; the caller makes sure that nothing is running

}  // namespace optix

// Declares the kernels of one part, a constant of type Type in the namespace of each instruction set,
// and a function `<part>_kernels()` that returns the active one.
#ifdef OPTIX_X86_ISAS
#define OPTIX_DECLARE_KERNELS(Type, part)                    \
  namespace optix::baseline { extern const Type part; }      \
  namespace optix::avx2 { extern const Type part; }          \
  namespace optix::avx512 { extern const Type part; }        \
  namespace optix {                                          \
  inline const Type& part##_kernels() {                      \
    switch (active_isa()) {                                  \
      case Isa::avx512: return avx512::part;                 \
      case Isa::avx2: return avx2::part;                     \
      default: return baseline::part;                        \
    }                                                        \
  }                                                          \
  }
#else
#define OPTIX_DECLARE_KERNELS(Type, part)                    \
  namespace optix::baseline { extern const Type part; }      \
  namespace optix {                                          \
  inline const Type& part##_kernels() { return baseline::part; } \
  }
#endif
