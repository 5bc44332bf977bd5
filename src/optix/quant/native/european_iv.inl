// Implied volatility of European options: a start good to 1e-5, then one fourth-order step.
//
// The start is the normal model's answer: with V the out-of-the-money time value and D = |F - K|,
// lambda = ln(1 + D/V) fixes the distance h in standard deviations of that model, and h = a/s in the
// Black model up to a factor that varies slowly with s and a. Both functions are rational fits of our
// own. The step is Householder's of third order on ln(value). A row whose step was not small, or which
// lies outside the region of the fits, is left to the reference, which iterates.
#include "european.hpp"
#include "normalised.hpp"

namespace optix::OPTIX_ISA {
namespace {

constexpr std::size_t kIvBlock = 64;
constexpr double kNoise = 4.0 * 0x1p-52;
constexpr double kStartA = 6.0, kStartS = 2.4;  // the region of the fits
constexpr double kStepSmall = 1e-4;             // its fourth power is below the last place
constexpr double kValueMin = 1e-280;
constexpr double kDistanceMin = 1e-20;          // at the money, where lambda and a are both 0

// lambda/h as a function of lambda, to 4e-6.
static inline double start_slope_top(double lambda) {
  constexpr double kPoly[] = {1.3220656553970752e-12, 8.367028470014727e-09,  4.398438014753056e-06,
                              0.00041022697216468027, 0.009200129656049634,   0.09185334460097636,
                              0.5279074001476111,     2.5066185221629196};
  return vm::polynomial(kPoly, lambda);
}
static inline double start_slope_bottom(double lambda) {
  constexpr double kPoly[] = {2.2775986406586666e-10, 3.426916313922451e-07, 7.131465919793181e-05,
                              0.002869367652897704,   0.03292734921568908,   0.21057139228107755,
                              1.0};
  return vm::polynomial(kPoly, lambda);
}

// s of the Black model from a/h of the normal one, to 4e-6 where a < kStartA and s < kStartS.
static inline double start_corrected(double s, double a) {
  const double x = s * s, y = a * a;
  const double top = 0.041647250118235626 + y * (0.0005210503974652261 + y * 6.655913376665453e-07) +
                     x * (-0.0029161401094819853 + y * -9.206518518784458e-06 +
                          x * -5.621016264554938e-05);
  const double bottom = 1.0 + y * (0.02079388276398143 + y * 6.261504648370113e-05) +
                        x * (-0.15824605997427474 + y * -0.0019087816164451413 +
                             x * 0.0034538046932032843);
  return s + s * x * top / bottom;
}

// One step from s, where `w` is beta/beta' there and `excess` is ln(beta) less its target.
static inline double stepped(double s, double h, double per_s, double w, double excess) {
  const double second = (h * h * per_s - 0.25 * s) * w;  // beta''/beta', in units of 1/w
  const double k = h * per_s;
  const double third = second * second - (3.0 * k * k + 0.25) * w * w;
  const double halley = -excess * (second - 1.0);
  const double cubic = excess * excess * (third - 3.0 * second + 2.0);
  return -excess * w * (1.0 + 0.5 * halley) / (1.0 + halley + cubic * (1.0 / 6.0));
}

struct IvBlock {
  double sign[kIvBlock], a[kIvBlock], s[kIvBlock], t[kIvBlock], value[kIvBlock];
  double w[kIvBlock], excess[kIvBlock], code[kIvBlock];
};

// Decides which rows have a volatility at all, and starts those.
static void start_rows(const EuropeanTerms& terms, std::size_t start, std::size_t size, IvBlock& b) {
  const double *F = terms.forward + start, *K = terms.strike + start, *T = terms.years + start;
  const double *p = terms.price + start, *r = terms.rate + start;
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) {
    const double sum = F[i] + K[i] + T[i] + r[i] + p[i];
    const bool plain = is_plain_price(F[i]) & is_plain_price(K[i]) & is_plain_time(T[i], r[i]) &
                       (vm::abs(p[i]) <= 1e70);
    const double low = vm::min(F[i], K[i]), high = vm::max(F[i], K[i]);
    const double gap = (F[i] - K[i]) * b.sign[i];
    const double V = p[i] * vm::exp(r[i] * T[i]) - vm::max(gap, 0.0);
    // What rounding the price and taking intrinsic value away can leave of nothing.
    const double noise = gap > 0.0 ? kNoise * high : 0.0;
    double found = kOk;
    found = V <= noise ? static_cast<double>(kNoTimeValue) : found;
    found = V < -noise ? static_cast<double>(kBelowIntrinsic) : found;
    found = V >= low * (1.0 - kNoise) ? static_cast<double>(kAboveMaximum) : found;
    found = ((found == kOk) & (V < kValueMin)) ? static_cast<double>(kLeft) : found;
    found = plain ? found : static_cast<double>(kLeft);
    b.code[i] = sum == sum ? found : static_cast<double>(kInvalid);
    // Rows that have no answer take part with a harmless value.
    b.value[i] = b.code[i] == kOk ? V : 0.1 * low;

    const double D = vm::max(high - low, kDistanceMin * low);
    b.a[i] = vm::max(vm::log_ratio(high, low), kDistanceMin);
    const double lambda = vm::log1p_ratio(D, b.value[i]);
    const double first = b.a[i] * start_slope_top(lambda) / (lambda * start_slope_bottom(lambda));
    b.s[i] = start_corrected(first, b.a[i]);
    b.t[i] = 0.5 * b.s[i];
  }
}

// Fills `w` and `excess` at s.
static void evaluate_rows(const double* F, const double* K, std::size_t size, IvBlock& b) {
  const std::size_t narrow = count_narrow(b.a, b.t, size);
  if (narrow != 0) {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const double h = b.a[i] / b.s[i], near = h - b.t[i];
      b.w[i] = b.s[i] * width_series(h, b.t[i]);
      b.excess[i] = vm::log_ratio(b.w[i] * vm::min(F[i], K[i]), b.value[i]) -
                    (0.5 * near * near + vm::kLogSqrt2Pi);
    }
  }
  if (narrow != size) {
    OPTIX_ROWS
    for (std::size_t i = 0; i < size; ++i) {
      const double h = b.a[i] / b.s[i];
      const double bell = vm::norm_pdf(h - b.t[i]);
      const double beta = wide_tails(h, b.t[i], bell, 0.0).beta;
      const double wide = vm::log_ratio(beta * vm::min(F[i], K[i]), b.value[i]);
      const bool keep = is_narrow(b.a[i], b.t[i]);
      b.w[i] = keep ? b.w[i] : beta / bell;
      b.excess[i] = keep ? b.excess[i] : wide;
    }
  }
}

// Takes the step, and says which rows it was not enough for.
static std::size_t finish_rows(const double* T, std::size_t size, IvBlock& b, double* vols,
                               std::int8_t* status) {
  std::int64_t odd = 0;
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) {
    const double per_s = 1.0 / b.s[i];
    const double step = stepped(b.s[i], b.a[i] * per_s, per_s, b.w[i], b.excess[i]);
    const bool settled =
        (vm::abs(step) <= kStepSmall * b.s[i]) & (b.a[i] <= kStartA) & (b.s[i] <= kStartS);
    b.code[i] = ((b.code[i] == kOk) & !settled) ? static_cast<double>(kLeft) : b.code[i];
    const double vol = (b.s[i] + step) / vm::sqrt(T[i]);
    vols[i] = b.code[i] == kOk ? vol : __builtin_nan("");
    odd += b.code[i] == kLeft;
  }
  OPTIX_ROWS
  for (std::size_t i = 0; i < size; ++i) status[i] = static_cast<std::int8_t>(b.code[i]);
  return static_cast<std::size_t>(odd);
}

std::size_t implied_vol(const EuropeanTerms& terms, std::size_t begin, std::size_t end, double* out,
                        std::int8_t* status) {
  std::size_t count = 0;
  IvBlock b;
  for (std::size_t start = begin; start < end; start += kIvBlock) {
    const std::size_t size = end - start < kIvBlock ? end - start : kIvBlock;
    signs_of(terms.is_call + start, size, b.sign);
    start_rows(terms, start, size, b);
    evaluate_rows(terms.forward + start, terms.strike + start, size, b);
    count += finish_rows(terms.years + start, size, b, out + start, status + start);
  }
  return count;
}

}  // namespace
}  // namespace optix::OPTIX_ISA
