// Grids: one contract at a time, its spots side by side in the vector. See normalised.hpp.
#include "greeks.hpp"
#include "grids.hpp"

namespace optix::OPTIX_ISA {
namespace {

constexpr std::size_t kSpots = 64;

static inline std::size_t fewer(std::size_t a, std::size_t b) { return a < b ? a : b; }

// A contract and all that does not depend on the spot.
struct Contract {
  double spot, forward, strike, years, rate, sign, weight;
  double root, discount, x, growth, yield;
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
  c.yield = c.rate - c.growth / c.years;
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
  tails_of(size, a, h, t, bell, ratio, {beta, above_near, above_far});
  OPTIX_ROWS
  for (std::size_t j = 0; j < size; ++j) {
    const double F = c.forward * factor[j];
    const Outputs o = outputs_of({F, c.strike, c.years, v[j], c.rate, c.yield, c.sign, c.discount,
                                  c.root, per_s[j], per_spot[j], c.growth, c.x + log_factor[j],
                                  vm::abs(F - c.strike), h[j], t[j], bell[j],
                                  {beta[j], above_near[j], above_far[j]}});
    out[kPrice * stride + j] += o.price;
    out[kDelta * stride + j] += o.delta;
    out[kGamma * stride + j] += o.gamma;
    out[kTheta * stride + j] += o.theta;
    out[kVega * stride + j] += o.vega;
    out[kRho * stride + j] += o.rho;
    out[kVanna * stride + j] += o.vanna;
    out[kCharm * stride + j] += o.charm;
    out[kVomma * stride + j] += o.vomma;
    out[kSpeed * stride + j] += o.speed;
    out[kZomma * stride + j] += o.zomma;
    out[kColor * stride + j] += o.color;
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
  time_values_of(size, a, h, t, beta);
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
