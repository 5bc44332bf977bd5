// American puts of unit strike on a continuous yield: the kernels of one instruction set.
//
// Calls come here as puts with rate and yield exchanged, so every row has one exercise boundary below
// the strike. Boundaries are given as depths z = ln(start/boundary), where start is the boundary at
// expiry; times left are counted through x = sqrt(time left/years).
#pragma once

#include <cstddef>

namespace optix {

// Where a boundary is held and how the integrals over it are summed. Tables are row-major.
struct AmericanScheme {
  std::size_t nodes, points, sweeps, premium_points;
  const double* node;      // [nodes] x of the nodes, rising to 1
  const double* rule;      // [3][points] sine, cosine and weight of the angle; time left = x^2 sin^2
  const double* matrix;    // [nodes][points][nodes] node values -> values at sine * node
  const double* relax;     // [sweeps] how much of each fixed-point step is taken
  const double* premium_rule;    // [3][premium_points]
  const double* premium_matrix;  // [premium_points][nodes]
};

struct AmericanTerms {
  const double* rate;
  const double* dividend_yield;
  const double* vol;
  const double* years;
};

// The boundaries of one (rate, yield, years) for every volatility of a range: coefficients of
// Chebyshev polynomials in ln vol of the boundary's logarithm, at each point of the premium integral
// and, in the last row, now. `rho_coefficients` are those of its derivative by rate or yield.
// The last column of the rule is the European option.
struct AmericanFamily {
  std::size_t points, order;
  const double* coefficients;      // [points + 1][order]
  const double* rho_coefficients;  // the same; only read for Greeks
  const double* rule;              // [8][points + 1], see RuleRow in american_family.inl
  double log_vol_middle, log_vol_half;
};

struct AmericanKernels {
  // Depths at the nodes, [nodes][stride]; `warm` starts from what is there.
  void (*boundary)(const AmericanScheme& scheme, const AmericanTerms& terms, std::size_t begin,
                   std::size_t end, double* depth, std::size_t stride, bool warm);
  // Prices at spot/strike = moneyness, from depths.
  void (*single_price)(const AmericanScheme& scheme, const AmericanTerms& terms,
                       const double* moneyness, const double* depth, std::size_t stride,
                       std::size_t begin, std::size_t end, double* out);
  // out[kind][stride]: price; with `full` also its first three derivatives by ln moneyness, vega,
  // vega by ln moneyness, vomma and rho.
  void (*family_values)(const AmericanFamily& family, const double* moneyness, const double* vol,
                        std::size_t begin, std::size_t end, double* out, std::size_t stride,
                        bool full);
  // Replaces starting volatilities by those that give `price`; edge is -1 or 1 where the range of the
  // family ends before, 2 where the steps ran out.
  void (*family_implied_vol)(const AmericanFamily& family, const double* moneyness,
                             const double* price, std::size_t begin, std::size_t end, double* vol,
                             signed char* edge);
};

}  // namespace optix
