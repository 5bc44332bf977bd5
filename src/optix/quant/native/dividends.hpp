// Options with dividends on one expiry's grid: the kernels of one instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace optix {

constexpr int kDividendLanesMax = 16;
constexpr int kDividendEventsMax = 64;

// One expiry's grid, made by optix.quant.dividend_grid. Time runs from expiry (0) to today (1).
struct DividendPlan {
  double expiry;  // years
  double reach;   // nodes span reach standard deviations on both sides
  double start;   // time the starting values stand for
  int nodes, steps, events;
  const double* left;    // time of each step's end
  const double* own;     // right side: own*u[j] + beside*(u[j-1] + u[j+1])
  const double* beside;
  const double* gain;    // (steps, nodes) elimination factors
  const double* pull;
  const std::int32_t* event;  // event that follows the step, or -1
  const double* event_left;   // events from expiry backwards
  const double* cash;
  const double* kept;  // share of the spot that a proportional dividend leaves
};

struct DividendInputs {
  const double *spot, *strike, *vol, *rate, *borrow, *sign, *american;
};

struct DividendOutputs {
  double *price, *delta, *gamma, *exercised;
};

struct DividendKernels {
  // Values of rows [from, to). `memory` holds 3 * nodes * kDividendLanesMax doubles.
  void (*values)(const DividendPlan& plan, const DividendInputs& in, std::size_t from, std::size_t to,
                 const DividendOutputs& out, double* memory);
};

}  // namespace optix
