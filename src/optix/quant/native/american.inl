// American options by spectral collocation, in blocks of rows; every loop over a block is vectorised.
//
// With z as in american.hpp and x = sqrt(time left/years), z^2 is smooth in x and is held at Chebyshev
// nodes. Integrals over the remaining life use the angle u = t sin^2(a), which makes both sqrt(u) and
// sqrt(t - u) smooth, so a dozen Gauss points serve.
#include "american.hpp"
#include "vecmath.hpp"

namespace optix::OPTIX_ISA {
namespace {

// Three registers of AVX-512. GCC unrolls loops of sixteen rounds before it looks for vectors in them,
// and then finds few.
constexpr std::size_t kLanes = 24;
constexpr std::size_t kNodesMax = 32, kOrderMax = 64;

using Lanes = double[kLanes];

static inline std::size_t row_of(std::size_t start, std::size_t lane, std::size_t end) {
  return start + lane < end ? start + lane : end - 1;  // short blocks repeat their last row
}

// Inside the integrals 4e-11 is enough: fewer terms than those of vecmath.hpp, our own fits too. The
// density is cut off at d = 31, whence nothing underflows.
static inline double bell(double d) {
  constexpr double kPoly[] = {2.4859578222625295e-05, 0.0001989927395864936, 0.001388885404961482,
                              0.008333298483754886,   0.041666666718980845,  0.16666666718997508,
                              0.5};
  const double x = vm::max(-0.5 * d * d, -500.0);
  const double k = vm::round(x * 1.4426950408889634);
  const double r = x - k * 0.6931471805599453;
  const double value = 1.0 + (r + r * r * vm::polynomial(kPoly, r));
  return vm::kInvSqrt2Pi * value * vm::power_of_two(k);
}

static inline double mills(double z) {
  constexpr double kTop[] = {1.0000000000259979, 14.819425716655992, 106.96880033888345,
                             466.91065116775115, 1289.4872569580873, 2148.8064590323565,
                             1737.8603743492226};
  constexpr double kBottom[] = {1.0,
                                14.819425744339098,
                                107.96879567909822,
                                481.7303754114751,
                                1394.4462210223337,
                                2586.273200994067,
                                2820.8557775666777,
                                1386.6119614878119};
  return vm::polynomial(kTop, z) / vm::polynomial(kBottom, z);
}

// Discounted N(d) from the discounted density; `discount` is the value at d = infinity.
static inline double above(double far, double d, double discount) {
  const double beyond = d > 0.0 ? 1.0 : 0.0;  // a choice between other than constants is a branch to GCC
  return far + beyond * (discount - 2.0 * far);
}
static inline double tail(double density, double d, double discount) {
  return above(density * mills(vm::abs(d)), d, discount);
}
static inline double exact_tail(double density, double d, double discount) {
  return above(density * vm::mills(vm::abs(d)), d, discount);
}

struct Start {
  double log_start;  // ln of the boundary at expiry
  double depth_max;  // at the boundary of an option that never expires
  double blend;      // weight of the value-matching equation beside the smooth-pasting one
};

// Value matching alone converges slowly, smooth pasting alone diverges where the drift dwarfs the
// variance. Their sum with this weight cancels what the drift does to the iteration.
static inline Start start_of(double rate, double yield, double vol) {
  Start start;
  const double ratio = yield > 0.0 ? vm::min(rate / vm::max(yield, 1e-300), 1.0) : 1.0;
  start.log_start = vm::log(vm::max(ratio, 1e-280));
  const double variance = vol * vol;
  const double drift = (rate - yield) / variance - 0.5;
  const double carry = 2.0 * rate / variance;
  const double root = vm::sqrt(drift * drift + carry);
  const double slow = drift < 0.0 ? carry / (root - drift) : root + drift;
  const double exponent = vm::max(slow, 1e-12);  // of a perpetual option
  const double limit = vm::log_ratio(exponent, 1.0 + exponent);
  start.depth_max = vm::max(start.log_start - limit, 0.0);
  start.blend = vm::max(drift, -0.5);
  return start;
}

struct BlockTerms {
  Lanes rate, yield, vol, years, sqrt_years, log_start, depth_max, blend;
};

void load(const AmericanTerms& terms, std::size_t start, std::size_t end, BlockTerms& block) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::size_t row = row_of(start, i, end);
    block.rate[i] = terms.rate[row];
    block.yield[i] = terms.dividend_yield[row];
    block.vol[i] = terms.vol[row];
    block.years[i] = terms.years[row];
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    const Start begun = start_of(block.rate[i], block.yield[i], block.vol[i]);
    block.sqrt_years[i] = vm::sqrt(block.years[i]);
    block.log_start[i] = begun.log_start;
    block.depth_max[i] = begun.depth_max;
    block.blend[i] = begun.blend;
  }
}

// A first boundary: from the one at expiry towards the perpetual one at a pace of three deviations.
void guess(const AmericanScheme& scheme, const BlockTerms& block, Lanes* depth) {
  for (std::size_t k = 0; k < scheme.nodes; ++k) {
    const double x = scheme.node[k];
    for (std::size_t i = 0; i < kLanes; ++i) {
      const double s = block.vol[i] * block.sqrt_years[i] * x;
      const double limit = vm::exp(block.log_start[i] - block.depth_max[i]);
      const double room = vm::max(1.0 - limit, 1e-12);
      const double level = limit + room * vm::exp(-3.0 * s / room);
      const double fallen = block.log_start[i] - vm::log(vm::max(level, 1e-280));
      depth[k][i] = vm::min(vm::max(fallen, 0.05 * s), block.depth_max[i]);
    }
  }
}

// The integrals of one node: sums over its points of density and distribution of both normals.
struct Sums {
  Lanes rate_density, rate_share, yield_density, yield_share;
};

// What the points of one node need in every sweep.
struct Point {
  Lanes drift, deviation, inverse, rate_discount, yield_discount;
};

void prepare(const BlockTerms& block, double reach, Point& point) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double root = reach * block.sqrt_years[i];
    const double time = root * root;
    point.deviation[i] = block.vol[i] * root;
    point.inverse[i] = 1.0 / point.deviation[i];
    point.drift[i] = (block.rate[i] - block.yield[i]) * time * point.inverse[i] - 0.5 * point.deviation[i];
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double root = reach * block.sqrt_years[i];
    point.rate_discount[i] = vm::exp(-block.rate[i] * root * root);
    point.yield_discount[i] = vm::exp(-block.yield[i] * root * root);
  }
}

// Adds one point to the sums. On its own, because GCC vectorises it only so.
__attribute__((noinline)) void add_normals(const Point& point, const Lanes& z2, const Lanes& depth,
                                           double by_density, double by_share, Sums& sums) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double ahead = vm::sqrt(vm::max(z2[i], 0.0)) - depth[i];
    const double d_minus = ahead * point.inverse[i] + point.drift[i];
    const double d_plus = d_minus + point.deviation[i];
    const double f_minus = point.rate_discount[i] * bell(d_minus);
    const double f_plus = point.yield_discount[i] * bell(d_plus);
    sums.rate_density[i] += by_density * f_minus;
    sums.yield_density[i] += by_density * f_plus;
    sums.rate_share[i] += by_share * tail(f_minus, d_minus, point.rate_discount[i]);
    sums.yield_share[i] += by_share * tail(f_plus, d_plus, point.yield_discount[i]);
  }
}

void integrate(const AmericanScheme& scheme, std::size_t node, const Point* ahead,
               const Lanes* depth, const Lanes* square, Sums& sums) {
  const double* sine = scheme.rule;
  const double* cosine = sine + scheme.points;
  const double* weight = cosine + scheme.points;
  for (std::size_t i = 0; i < kLanes; ++i) {
    sums.rate_density[i] = sums.rate_share[i] = sums.yield_density[i] = sums.yield_share[i] = 0.0;
  }
  for (std::size_t j = 0; j < scheme.points; ++j) {
    const double* row = scheme.matrix + (node * scheme.points + j) * scheme.nodes;
    Lanes z2;
    for (std::size_t i = 0; i < kLanes; ++i) z2[i] = row[0] * square[0][i];
    for (std::size_t k = 1; k < scheme.nodes; ++k) {
      for (std::size_t i = 0; i < kLanes; ++i) z2[i] += row[k] * square[k][i];
    }
    const double by_density = weight[j] * sine[j];
    add_normals(ahead[j], z2, depth[node], by_density, by_density * cosine[j], sums);
  }
}

// ln of what the equation says the boundary is, over what it is.
void residual(const AmericanScheme& scheme, const BlockTerms& block, std::size_t node,
              const Lanes* depth, const Sums& sums, Lanes& error) {
  const double x = scheme.node[node];
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double root = x * block.sqrt_years[i];
    const double time = root * root;
    const double deviation = block.vol[i] * root;
    const double level = block.log_start[i] - depth[node][i];
    const double d_minus =
        (level + (block.rate[i] - block.yield[i]) * time) / deviation - 0.5 * deviation;
    const double d_plus = d_minus + deviation;
    const double rate_discount = vm::exp(-block.rate[i] * time);
    const double yield_discount = vm::exp(-block.yield[i] * time);
    const double f_minus = rate_discount * vm::norm_pdf(d_minus);
    const double f_plus = yield_discount * vm::norm_pdf(d_plus);
    const double c = block.blend[i];
    const double by_density = 2.0 * root / block.vol[i], by_share = 2.0 * time;
    const double top =
        f_minus / deviation + c * exact_tail(f_minus, d_minus, rate_discount) +
        block.rate[i] * (by_density * sums.rate_density[i] + c * by_share * sums.rate_share[i]);
    const double bottom =
        f_plus / deviation + (1.0 + c) * exact_tail(f_plus, d_plus, yield_discount) +
        block.yield[i] *
            (by_density * sums.yield_density[i] + (1.0 + c) * by_share * sums.yield_share[i]);
    const double cash = vm::min(vm::max(top, 1e-140), 1e140);
    const double stock = vm::min(vm::max(bottom, 1e-140), 1e140);
    error[i] = vm::log_ratio(cash, stock) - level;
  }
}

void boundary(const AmericanScheme& scheme, const AmericanTerms& terms, std::size_t begin,
              std::size_t end, double* out, std::size_t stride, bool warm) {
  Point* points = new Point[scheme.nodes * scheme.points];
  for (std::size_t start = begin; start < end; start += kLanes) {
    BlockTerms block;
    Lanes depth[kNodesMax], square[kNodesMax], error[kNodesMax];
    load(terms, start, end, block);
    for (std::size_t k = 0; k < scheme.nodes; ++k) {
      for (std::size_t j = 0; j < scheme.points; ++j) {
        const double reach = scheme.node[k] * scheme.rule[scheme.points + j];
        prepare(block, reach, points[k * scheme.points + j]);
      }
    }
    guess(scheme, block, depth);
    for (std::size_t k = 0; warm && k < scheme.nodes; ++k) {
      for (std::size_t i = 0; i < kLanes; ++i) {
        depth[k][i] = vm::min(out[k * stride + row_of(start, i, end)], block.depth_max[i]);
      }
    }
    for (std::size_t sweep = 0; sweep < scheme.sweeps; ++sweep) {
      for (std::size_t k = 0; k < scheme.nodes; ++k) {
        for (std::size_t i = 0; i < kLanes; ++i) square[k][i] = depth[k][i] * depth[k][i];
      }
      for (std::size_t k = 0; k < scheme.nodes; ++k) {
        Sums sums;
        integrate(scheme, k, points + k * scheme.points, depth, square, sums);
        residual(scheme, block, k, depth, sums, error[k]);
      }
      const double share = scheme.relax[sweep];
      for (std::size_t k = 0; k < scheme.nodes; ++k) {
        for (std::size_t i = 0; i < kLanes; ++i) {
          const double moved = depth[k][i] - share * error[k][i];
          depth[k][i] = vm::min(vm::max(moved, 0.0), block.depth_max[i]);
        }
      }
    }
    const std::size_t size = end - start < kLanes ? end - start : kLanes;
    for (std::size_t k = 0; k < scheme.nodes; ++k) {
      for (std::size_t i = 0; i < size; ++i) out[k * stride + start + i] = depth[k][i];
    }
  }
  delete[] points;
}

// The European value of the put and, once exercise is worth more, what that is.
static inline double european_value(double log_x, double x, double rate, double yield, double vol,
                                    double years) {
  const double deviation = vol * vm::sqrt(years);
  const double d_minus = (log_x + (rate - yield) * years) / deviation - 0.5 * deviation;
  const double d_plus = d_minus + deviation;
  return vm::exp(-rate * years) * vm::norm_cdf(-d_minus) -
         x * vm::exp(-yield * years) * vm::norm_cdf(-d_plus);
}

// Adds one point of the premium integral; on its own for the same reason as add_normals.
__attribute__((noinline)) void add_premium(const BlockTerms& block, const Lanes& log_x,
                                           const Lanes& x, const Lanes& z2, double cosine,
                                           double scale, Lanes& sum) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double root = cosine * block.sqrt_years[i];
    const double time = root * root;
    const double deviation = block.vol[i] * root;
    const double height = log_x[i] - block.log_start[i] + vm::sqrt(vm::max(z2[i], 0.0));
    const double d_minus =
        (height + (block.rate[i] - block.yield[i]) * time) / deviation - 0.5 * deviation;
    const double d_plus = d_minus + deviation;
    const double interest = block.rate[i] * vm::exp(-block.rate[i] * time);
    const double dividends = block.yield[i] * x[i] * vm::exp(-block.yield[i] * time);
    sum[i] += scale * (interest * tail(bell(d_minus), -d_minus, 1.0) -
                       dividends * tail(bell(d_plus), -d_plus, 1.0));
  }
}

void single_price(const AmericanScheme& scheme, const AmericanTerms& terms, const double* moneyness,
                  const double* depth, std::size_t stride, std::size_t begin, std::size_t end,
                  double* out) {
  const double* sine = scheme.premium_rule;
  const double* cosine = sine + scheme.premium_points;
  const double* weight = cosine + scheme.premium_points;
  for (std::size_t start = begin; start < end; start += kLanes) {
    BlockTerms block;
    Lanes square[kNodesMax], log_x, x, sum, value;
    load(terms, start, end, block);
    for (std::size_t i = 0; i < kLanes; ++i) x[i] = moneyness[row_of(start, i, end)];
    for (std::size_t i = 0; i < kLanes; ++i) {
      log_x[i] = vm::log(x[i]);
      sum[i] = 0.0;
    }
    for (std::size_t k = 0; k < scheme.nodes; ++k) {
      for (std::size_t i = 0; i < kLanes; ++i) {
        const double z = depth[k * stride + row_of(start, i, end)];
        square[k][i] = z * z;
      }
    }
    for (std::size_t j = 0; j < scheme.premium_points; ++j) {
      const double* row = scheme.premium_matrix + j * scheme.nodes;
      Lanes z2;
      for (std::size_t i = 0; i < kLanes; ++i) z2[i] = row[0] * square[0][i];
      for (std::size_t k = 1; k < scheme.nodes; ++k) {
        for (std::size_t i = 0; i < kLanes; ++i) z2[i] += row[k] * square[k][i];
      }
      add_premium(block, log_x, x, z2, cosine[j], 2.0 * weight[j] * sine[j] * cosine[j], sum);
    }
    for (std::size_t i = 0; i < kLanes; ++i) {
      const double european = european_value(log_x[i], x[i], block.rate[i], block.yield[i],
                                             block.vol[i], block.years[i]);
      const double held = european + block.years[i] * vm::max(sum[i], 0.0);
      const double now = vm::sqrt(square[scheme.nodes - 1][i]);
      const bool dead = log_x[i] <= block.log_start[i] - now;
      value[i] = dead ? 1.0 - x[i] : vm::max(held, 1.0 - x[i]);
    }
    const std::size_t size = end - start < kLanes ? end - start : kLanes;
    for (std::size_t i = 0; i < size; ++i) out[start + i] = value[i];
  }
}

#include "american_family.inl"

}  // namespace

extern const AmericanKernels american;
const AmericanKernels american = {boundary, single_price, family_values, family_implied_vol};

}  // namespace optix::OPTIX_ISA
