// Grids: one contract at a time, its spots side by side in the vector. See normalised.hpp.
#include "grids.hpp"
#include "normalised.hpp"

namespace optix::OPTIX_ISA {
namespace {

constexpr std::size_t kSpots = 64;

static inline std::size_t fewer(std::size_t a, std::size_t b) { return a < b ? a : b; }

// A contract and all that does not depend on the spot.
struct Contract {
  double spot, forward, strike, years, rate, sign, weight;
  double root, discount, x, growth, yield, per_year, per_root;
};

static inline Contract contract_of(const Book& book, std::size_t i) {
  const EuropeanTerms& terms = book.terms;
  Contract c{};
  c.spot = terms.spot[i];
  c.forward = terms.forward[i];
  c.strike = terms.strike[i];
  c.years = terms.years[i];
  c.rate = terms.rate[i];
  c.sign = terms.is_call[i] != 0 ? 1.0 : -1.0;
  c.weight = book.weight[i];
  c.root = vm::sqrt(c.years);
  c.discount = vm::exp(-c.rate * c.years) * c.weight;
  c.x = vm::log_ratio(c.forward, c.strike);
  c.growth = vm::log_ratio(c.forward, c.spot);
  c.per_root = 1.0 / c.root;
  c.per_year = c.per_root * c.per_root;
  c.yield = c.rate - c.growth * c.per_year;
  return c;
}

// Adds the outputs of one contract at up to kSpots spots; `out` has kGreeks rows, `stride` apart.
static void add_contract(const Contract& contract, const double* factor, const double* log_factor,
                         const double* vol, std::size_t vol_step, std::size_t size, double* out,
                         std::size_t stride) {
  const Contract c = contract;  // a copy of its own, which the sums cannot overlap
  double v[kSpots], a[kSpots], h[kSpots], t[kSpots], bell[kSpots], ratio[kSpots];
  double per_s[kSpots], per_spot[kSpots], beta[kSpots], above_near[kSpots], above_far[kSpots];
  if (vol_step == 0) {
    for (std::size_t j = 0; j < size; ++j) v[j] = vol[0];
  } else {
    for (std::size_t j = 0; j < size; ++j) v[j] = vol[j];
  }
  OPTIX_ROWS
  for (std::size_t j = 0; j < size; ++j) {
    const double s = v[j] * c.root;
    const double S = c.spot * factor[j], F = c.forward * factor[j];
    const double high = vm::max(F, c.strike);
    // One division for three.
    const double inverse = 1.0 / (S * s * high);
    per_s[j] = S * high * inverse;
    per_spot[j] = s * high * inverse;
    ratio[j] = vm::min(F, c.strike) * (S * s * inverse);
    a[j] = vm::abs(c.x + log_factor[j]);
    h[j] = a[j] * per_s[j];
    t[j] = 0.5 * s;
    bell[j] = vm::norm_pdf(h[j] - t[j]);
  }
  const std::size_t narrow = count_narrow(a, t, size);
  if (narrow != 0) {
    OPTIX_ROWS
    for (std::size_t j = 0; j < size; ++j) {
      const Tails tails = narrow_tails(h[j], t[j], bell[j], ratio[j]);
      beta[j] = tails.beta;
      above_near[j] = tails.above_near;
      above_far[j] = tails.above_far;
    }
  }
  if (narrow != size) {
    OPTIX_ROWS
    for (std::size_t j = 0; j < size; ++j) {
      const Tails tails = wide_tails(h[j], t[j], bell[j], ratio[j]);
      const bool keep = is_narrow(a[j], t[j]);
      beta[j] = keep ? beta[j] : tails.beta;
      above_near[j] = keep ? above_near[j] : tails.above_near;
      above_far[j] = keep ? above_far[j] : tails.above_far;
    }
  }
  OPTIX_ROWS
  for (std::size_t j = 0; j < size; ++j) {
    const double F = c.forward * factor[j], s = v[j] * c.root;
    const double per_vol = per_s[j] * c.root;
    const bool high = F >= c.strike;
    const double near = h[j] - t[j], far = h[j] + t[j];
    const double d1 = high ? far : -near, d2 = high ? near : -far;
    const double inner = above_near[j], outer = above_far[j];
    const double tail1 = high ? outer : inner, tail2 = high ? inner : outer;
    const double inside = high ? c.sign : -c.sign;  // 1 in the money, else -1
    const double n1 = inside > 0.0 ? 1.0 - tail1 : tail1;
    const double n2 = inside > 0.0 ? 1.0 - tail2 : tail2;
    const double low = vm::min(F, c.strike);
    const double slope = c.discount * low * bell[j];
    const double share = c.discount * F * n1, cash = c.discount * c.strike * n2;
    const double delta = c.sign * share * per_spot[j];
    const double gamma = slope * per_spot[j] * per_spot[j] * per_s[j];
    const double vega = slope * c.root;
    const double drift = 2.0 * c.growth - d2 * s;
    const double gap = (F - c.strike) * c.sign;
    out[kPrice * stride + j] += c.discount * (vm::max(gap, 0.0) + low * beta[j]);
    out[kDelta * stride + j] += delta;
    out[kGamma * stride + j] += gamma;
    out[kTheta * stride + j] +=
        c.sign * (c.yield * share - c.rate * cash) - 0.5 * slope * v[j] * c.per_root;
    out[kVega * stride + j] += vega;
    out[kRho * stride + j] += c.sign * c.years * cash;
    out[kVanna * stride + j] -= slope * per_spot[j] * d2 * per_vol;
    out[kCharm * stride + j] += c.yield * delta - 0.5 * slope * per_spot[j] * per_s[j] * c.per_year * drift;
    out[kVomma * stride + j] += vega * d1 * d2 * per_vol;
    out[kSpeed * stride + j] -= gamma * per_spot[j] * (d1 * per_s[j] + 1.0);
    out[kZomma * stride + j] += gamma * (d1 * d2 - 1.0) * per_vol;
    out[kColor * stride + j] += gamma * (c.yield + 0.5 * c.per_year * (1.0 + d1 * drift * per_s[j]));
  }
}

void exposure(const Book& book, const SpotAxis& spots, std::size_t begin, std::size_t end, double* out) {
  for (std::size_t i = begin; i < end; ++i) {
    const Contract contract = contract_of(book, i);
    const double* vol = book.terms.vol + i * (book.vol_stride == 0 ? 1 : book.vol_stride);
    double* sums = out + static_cast<std::size_t>(book.group[i]) * kGreeks * spots.size;
    for (std::size_t j = 0; j < spots.size; j += kSpots) {
      add_contract(contract, spots.factor + j, spots.log_factor + j,
                   book.vol_stride == 0 ? vol : vol + j, book.vol_stride,
                   fewer(spots.size - j, kSpots), sums + j, spots.size);
    }
  }
}

// Adds quantity*value of one option with time left, at up to kSpots spots.
static void add_option(double sign, double strike, double years, double rate, double carry,
                       double quantity, double shift, const double* spot, const double* log_moneyness,
                       const double* vol, std::size_t size, double* out) {
  const double root = vm::sqrt(years), growth = vm::exp(carry * years);
  const double scale = quantity * vm::exp(-rate * years);
  double a[kSpots], h[kSpots], t[kSpots], beta[kSpots];
  OPTIX_ROWS
  for (std::size_t j = 0; j < size; ++j) {
    const double s = vm::max(vol[j] + shift, 1e-9) * root;
    a[j] = vm::abs(log_moneyness[j] + carry * years);
    h[j] = a[j] / s;
    t[j] = 0.5 * s;
  }
  const std::size_t narrow = count_narrow(a, t, size);
  if (narrow != 0) {
    OPTIX_ROWS
    for (std::size_t j = 0; j < size; ++j) {
      beta[j] = 2.0 * t[j] * vm::norm_pdf(h[j] - t[j]) * width_series(h[j], t[j]);
    }
  }
  if (narrow != size) {
    OPTIX_ROWS
    for (std::size_t j = 0; j < size; ++j) {
      const double wide = wide_tails(h[j], t[j], vm::norm_pdf(h[j] - t[j]), 0.0).beta;
      beta[j] = is_narrow(a[j], t[j]) ? beta[j] : wide;
    }
  }
  OPTIX_ROWS
  for (std::size_t j = 0; j < size; ++j) {
    const double F = spot[j] * growth;
    out[j] += scale * (vm::max((F - strike) * sign, 0.0) + vm::min(F, strike) * beta[j]);
  }
}

// Adds one leg at one time and volatility shift, at up to kSpots spots.
static void add_leg(const Legs& legs, std::size_t leg, double ahead, double shift, const double* spot,
                    const double* log_moneyness, const double* vol, std::size_t size, double* out) {
  const double sign = legs.kind[leg], strike = legs.strike[leg], quantity = legs.quantity[leg];
  const double years = legs.years[leg] - ahead;
  if (sign == 0.0) {
    OPTIX_ROWS
    for (std::size_t j = 0; j < size; ++j) out[j] += quantity * spot[j];
  } else if (years < 1e-12) {
    OPTIX_ROWS
    for (std::size_t j = 0; j < size; ++j) {
      out[j] += quantity * vm::max((spot[j] - strike) * sign, 0.0);
    }
  } else {
    add_option(sign, strike, years, legs.rate[leg], legs.carry[leg], quantity, shift, spot,
               log_moneyness, vol, size, out);
  }
}

void cube(const Legs& legs, const CubeAxes& axes, std::size_t begin, std::size_t end, double* out) {
  const std::size_t plane = axes.vols * axes.spots.size;
  for (std::size_t i = begin * plane; i < end * plane; ++i) out[i] = 0.0;
  for (std::size_t leg = 0; leg < legs.size; ++leg) {
    for (std::size_t j = 0; j < axes.spots.size; j += kSpots) {
      const std::size_t size = fewer(axes.spots.size - j, kSpots);
      const double level = legs.kind[leg] == 0.0 ? 0.0 : vm::log_ratio(axes.spot, legs.strike[leg]);
      double spot[kSpots], log_moneyness[kSpots];
      for (std::size_t k = 0; k < size; ++k) {
        spot[k] = axes.spot * axes.spots.factor[j + k];
        log_moneyness[k] = level + axes.spots.log_factor[j + k];
      }
      const double* vol = legs.vol + leg * axes.spots.size + j;
      for (std::size_t time = begin; time < end; ++time) {
        for (std::size_t shift = 0; shift < axes.vols; ++shift) {
          add_leg(legs, leg, axes.years_ahead[time], axes.vol_shift[shift], spot, log_moneyness, vol,
                  size, out + time * plane + shift * axes.spots.size + j);
        }
      }
    }
  }
}

}  // namespace

extern const GridKernels grids;
const GridKernels grids = {exposure, cube};

}  // namespace optix::OPTIX_ISA
