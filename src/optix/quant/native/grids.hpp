// Re-pricing over grids of spot, time and volatility: the kernels of one instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "european.hpp"

namespace optix {

// Spots of a grid, as factors of today's, and their logarithms.
struct SpotAxis {
  const double* factor;
  const double* log_factor;
  std::size_t size;
};

// What stands at the strikes of a book: `weight` multiplies every output, `group` says which sums it
// goes to. `vol_stride` is 0 where a contract keeps its volatility over the grid, else the spots' count.
struct Book {
  EuropeanTerms terms;
  const double* weight;
  const std::int64_t* group;
  std::size_t vol_stride;
};

// Legs of one position. `kind` is 1 for calls, -1 for puts, 0 for the underlying itself. `vol` has one
// row of `spots.size` volatilities per leg.
struct Legs {
  const double* kind;
  const double* strike;
  const double* years;
  const double* vol;
  const double* rate;
  const double* carry;
  const double* quantity;
  std::size_t size;
};

struct CubeAxes {
  double spot;
  SpotAxis spots;
  const double* years_ahead;
  std::size_t times;
  const double* vol_shift;
  std::size_t vols;
};

struct GridKernels {
  // Adds weight*Greek of contracts [begin, end) to out[group][Greek][spot].
  void (*exposure)(const Book& book, const SpotAxis& spots, std::size_t begin, std::size_t end,
                   double* out);
  // Writes the position's value at times [begin, end) to out[time][vol][spot].
  void (*cube)(const Legs& legs, const CubeAxes& axes, std::size_t begin, std::size_t end, double* out);
};

}  // namespace optix
