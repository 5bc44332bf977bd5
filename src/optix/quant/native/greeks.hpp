// The twelve outputs of one European option at one spot, for the kernels that need them.
#pragma once

#include "european.hpp"
#include "normalised.hpp"

namespace optix::OPTIX_ISA {

// `x` is ln(forward/strike), `gap` |forward - strike|, `growth` ln(forward/spot). Every output is a
// multiple of `discount`, so a weight, or a NaN, is given with it.
struct Cell {
  double forward, strike, years, vol, rate, yield, sign, discount;
  double root, per_s, per_spot, growth, x, gap, h, t, bell;
  Tails tails;
};

struct Outputs {
  double price, delta, gamma, theta, vega, rho, vanna, charm, vomma, speed, zomma, color;
};

static inline Outputs outputs_of(const Cell& c) {
  const double s = 2.0 * c.t;
  const double per_vol = c.per_s * c.root, per_root = c.per_s * c.vol, per_year = per_root * per_root;
  const bool high = c.x >= 0.0;
  const double near = c.h - c.t, far = c.h + c.t;
  const double d1 = high ? far : -near, d2 = high ? near : -far;
  const double inner = c.tails.above_near, outer = c.tails.above_far;
  const double tail1 = high ? outer : inner, tail2 = high ? inner : outer;
  const double moneyness = high ? c.sign : -c.sign;  // 1 in the money, else -1
  const double n1 = moneyness > 0.0 ? 1.0 - tail1 : tail1;
  const double n2 = moneyness > 0.0 ? 1.0 - tail2 : tail2;
  const double low = vm::min(c.forward, c.strike);
  const double slope = c.discount * low * c.bell;  // discounted forward * phi(d1)
  const double share = c.discount * c.forward * n1, cash = c.discount * c.strike * n2;
  const double drift = 2.0 * c.growth - d2 * s;
  Outputs o;
  o.price = c.discount * ((moneyness > 0.0 ? c.gap : 0.0) + low * c.tails.beta);
  o.delta = c.sign * share * c.per_spot;
  o.gamma = slope * c.per_spot * c.per_spot * c.per_s;
  o.theta = c.sign * (c.yield * share - c.rate * cash) - 0.5 * slope * c.vol * per_root;
  o.vega = slope * c.root;
  o.rho = c.sign * c.years * cash;
  o.vanna = -slope * c.per_spot * d2 * per_vol;
  o.charm = c.yield * o.delta - 0.5 * slope * c.per_spot * c.per_s * per_year * drift;
  o.vomma = o.vega * d1 * d2 * per_vol;
  o.speed = -o.gamma * c.per_spot * (d1 * c.per_s + 1.0);
  o.zomma = o.gamma * (d1 * d2 - 1.0) * per_vol;
  o.color = o.gamma * (c.yield + 0.5 * per_year * (1.0 + d1 * drift * c.per_s));
  return o;
}

}  // namespace optix::OPTIX_ISA
