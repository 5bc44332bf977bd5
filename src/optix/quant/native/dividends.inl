// European and American options on a stock that drops by cash at its ex-dates, by finite differences.
// Derivations stand in dividend_grid.py, whose NumPy code does the same.
//
// With z = (ln S - ln centre(t))/(vol*sqrt(T)) and values carried to expiry the equation of every option
// of one expiry becomes u_t = u_zz/2 on t in [0, 1]: options share nodes, steps and elimination factors
// (the plan), only obstacles differ. One option is one lane of a block. Node 0 is the side where exercise
// pays: low spots for puts, high spots for calls.
#include "dividends.hpp"
#include "vecmath.hpp"

namespace optix::OPTIX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kWidth = 8;
#elif defined(__AVX__)
constexpr int kWidth = 4;
#else
constexpr int kWidth = 2;
#endif
constexpr int kLanes = 2 * kWidth;  // the second register hides the latency of the first
static_assert(kLanes <= kDividendLanesMax);
typedef double Register __attribute__((vector_size(kWidth * sizeof(double))));

constexpr double kNever = 1e300;  // no obstacle
constexpr double kTiny = 1e-290;  // the least that has a logarithm here
constexpr double kFloor = 1e-60;  // keeps far values out of the denormals
constexpr double kAtExercise = 1e-9;  // in units of strike

struct Lanes {
  double spot[kLanes], strike[kLanes], vol[kLanes], rate[kLanes], borrow[kLanes];
  double sign[kLanes], american[kLanes];
};

struct Block {
  explicit Block(const DividendPlan& shared) : plan(shared) {}

  const DividendPlan& plan;
  Lanes in;
  double* shape;    // S/centre at each node
  double* value;    // discounted to expiry: price*exp(rate*time left)
  double* scratch;
  double width[kLanes], drift[kLanes], centre[kLanes];  // centre: its logarithm without the drift
  double slope[kLanes], level[kLanes];     // exercise value at a node: slope*shape - level
  double later_cash[kLanes], kept[kLanes];  // dividends after now, carried to expiry
  double unsmoothed[kLanes];                // 1 where the next step sees a fresh kink: no obstacle
  double drop[kDividendEventsMax * kLanes];  // ln of the centre's drop at each event

  double step() const { return 2.0 * plan.reach / (plan.nodes - 1); }
  double* at(double* column, int node) const { return column + static_cast<long>(node) * kLanes; }
};

// Moments of the cubic B-spline above t: integral of (y-t)^n/n! for n = 1..3 (unit nodes).
static inline void spline_moments(double t, double* moment) {
  static const double kBinomial[5] = {1.0, -4.0, 6.0, -4.0, 1.0};
  moment[0] = moment[1] = moment[2] = 0.0;
  for (int k = 0; k < 5; ++k) {
    const double v = 2.0 - k - t;
    if (v <= 0.0) continue;
    const double fifth = kBinomial[k] * v * v * v * v * v / 120.0;
    moment[0] += fifth;
    moment[1] += fifth * v / 6.0;
    moment[2] += fifth * v * v / 42.0;
  }
}

// The payoff after the first h^2/3 of time: exact where it is smooth, the kink under a B-spline of the
// same variance, so that fourth order survives it.
static inline void start_kink(Block& b, int lane, double position) {
  const double w = b.width[lane] * b.step(), strike = b.in.strike[lane];
  const double c[3] = {strike * w, strike * w * w * b.in.sign[lane], strike * w * w * w};
  const int first = static_cast<int>(position) - 1;
  for (int node = first; node < first + 4; ++node) {
    double m[3];
    spline_moments(node - position, m);
    const double x = position - node;
    double& u = b.at(b.value, node)[lane];
    const double smooth = c[0] * x + c[1] * (x * x + 1.0 / 3.0) / 2.0 + c[2] * (x * x * x + x) / 6.0;
    const double exact = b.slope[lane] * b.at(b.shape, node)[lane] - b.level[lane];
    u = c[0] * m[0] + c[1] * m[1] + c[2] * m[2] + (x > 0.0 ? exact - smooth : 0.0);
  }
}

// The same at an ex-date, where no time may pass: B-spline and its fourth-order correction.
static inline void smooth_kink(Block& b, int lane, double position, const double* c) {
  const int first = static_cast<int>(position) - 3;
  double averaged[8];
  for (int i = 0; i < 8; ++i) {
    double m[3];
    spline_moments(first + i - position, m);
    averaged[i] = c[0] * m[0] + c[1] * m[1] + c[2] * m[2];
  }
  for (int i = 1; i < 7; ++i) {
    const double x = vm::max(position - (first + i), 0.0);
    const double sharp = x * (c[0] + x * (c[1] / 2.0 + x * c[2] / 6.0));
    const double bend = averaged[i + 1] - 2.0 * averaged[i] + averaged[i - 1];
    b.at(b.value, first + i)[lane] += averaged[i] - bend / 6.0 - sharp;
  }
}

static inline void set_up(Block& b) {
  const DividendPlan& p = b.plan;
  const double root = vm::sqrt(p.expiry), h = b.step();
  double forward[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    b.width[l] = b.in.vol[l] * root;
    b.drift[l] = (b.in.rate[l] - b.in.borrow[l] - 0.5 * b.in.vol[l] * b.in.vol[l]) * p.expiry;
    b.centre[l] = vm::log(b.in.spot[l]);
    forward[l] = b.in.spot[l];
    b.later_cash[l] = 0.0;
    b.kept[l] = 1.0;
    b.unsmoothed[l] = 0.0;
  }
  double passed = 1.0;
  for (int k = p.events - 1; k >= 0; --k) {  // from today on; events count from expiry
    for (int l = 0; l < kLanes; ++l) {
      forward[l] *= vm::exp((b.in.rate[l] - b.in.borrow[l]) * p.expiry * (passed - p.event_left[k]));
      const double left = p.kept[k] - p.cash[k] / forward[l];
      b.drop[k * kLanes + l] = vm::log(left);
      forward[l] *= left;
      b.centre[l] += b.drop[k * kLanes + l];
    }
    passed = p.event_left[k];
  }
  double pace[kLanes];
  for (int l = 0; l < kLanes; ++l) pace[l] = b.in.sign[l] * b.width[l];
  for (int j = 0; j < p.nodes; ++j) {
    double* __restrict shape = b.at(b.shape, j);
    const double z = p.reach - j * h;
    for (int l = 0; l < kLanes; ++l) shape[l] = vm::exp(pace[l] * z);
  }
  for (int l = 0; l < kLanes; ++l) {
    const double grown = b.centre[l] + b.drift[l] + 0.5 * b.width[l] * b.width[l] * p.start;
    b.slope[l] = b.in.sign[l] * vm::exp(grown);
    b.level[l] = b.in.sign[l] * b.in.strike[l];
  }
  for (int j = 0; j < p.nodes; ++j)
    for (int l = 0; l < kLanes; ++l) {
      const double paid = b.slope[l] * b.at(b.shape, j)[l] - b.level[l];
      b.at(b.value, j)[l] = paid > 0.0 ? paid : 0.0;
    }
  for (int l = 0; l < kLanes; ++l) {
    const double z = (vm::log(b.in.strike[l]) - b.centre[l] - b.drift[l]) / b.width[l];
    const double position = (p.reach - b.in.sign[l] * z) / h;
    if (position > 3.0 && position < p.nodes - 5.0) start_kink(b, l, position);
  }
}

// Exercise values at one time. `raised` lifts the obstacle by what a boundary between two nodes loses on
// the average, source*h^2/12; without it they are the true ones.
static inline void set_obstacle(Block& b, double left, bool raised) {
  const DividendPlan& p = b.plan;
  const double lift = raised ? p.expiry * b.step() * b.step() / 12.0 : 0.0;
  for (int l = 0; l < kLanes; ++l) {
    const double growth = vm::exp(b.in.rate[l] * p.expiry * left);
    const double centre = vm::exp(b.centre[l] + b.drift[l] * (1.0 - left));
    const bool may = b.in.american[l] > 0.0;
    b.slope[l] = may ? b.in.sign[l] * centre * growth * (1.0 + lift * b.in.borrow[l]) : 0.0;
    b.level[l] = may ? b.in.sign[l] * b.in.strike[l] * growth * (1.0 + lift * b.in.rate[l]) : kNever;
  }
}

// The two recurrences in which nearly all time is spent, on registers by name: compilers do not keep
// a running array of lanes in registers by themselves. Not inlined, so that a test can look at them.
static inline Register load(const double* from) {
  Register r;
  __builtin_memcpy(&r, from, sizeof r);
  return r;
}

static inline void store(double* to, Register r) { __builtin_memcpy(to, &r, sizeof r); }

[[gnu::noinline]] static void eliminate(int nodes, double own, double beside, const double* gain,
                                        const double* pull, const double* __restrict value,
                                        double* __restrict right) {
  Register last0 = {}, last1 = {};
  for (int j = nodes - 2; j >= 1; --j) {
    const double* u = value + static_cast<long>(j) * kLanes;
    double* d = right + static_cast<long>(j) * kLanes;
    const double g = gain[j], e = pull[j + 1];
    last0 = own * load(u) + beside * (load(u - kLanes) + load(u + kLanes)) - e * last0;
    last1 = own * load(u + kWidth) + beside * (load(u + kWidth - kLanes) + load(u + kWidth + kLanes)) -
            e * last1;
    store(d, g * last0 + kFloor);
    store(d + kWidth, g * last1 + kFloor);
  }
}

[[gnu::noinline]] static void substitute(int nodes, const double* pull, const double* edge,
                                         const double* slope, const double* level,
                                         const double* __restrict shape,
                                         const double* __restrict right, double* __restrict value) {
  const Register slope0 = load(slope), slope1 = load(slope + kWidth);
  const Register level0 = load(level), level1 = load(level + kWidth);
  Register last0 = load(edge), last1 = load(edge + kWidth);
  store(value, last0);
  store(value + kWidth, last1);
  for (int j = 1; j < nodes - 1; ++j) {
    const long row = static_cast<long>(j) * kLanes;
    const double e = pull[j];
    const Register held0 = load(right + row) - e * last0;
    const Register held1 = load(right + row + kWidth) - e * last1;
    const Register dead0 = slope0 * load(shape + row) - level0;
    const Register dead1 = slope1 * load(shape + row + kWidth) - level1;
    last0 = held0 > dead0 ? held0 : dead0;
    last1 = held1 > dead1 ? held1 : dead1;
    store(value + row, last0);
    store(value + row + kWidth, last1);
  }
}

static inline void step_back(Block& b, int n) {
  const DividendPlan& p = b.plan;
  const double left = p.left[n], own = p.own[n], beside = p.beside[n];
  const double* gain = p.gain + static_cast<long>(n) * p.nodes;
  const double* pull = p.pull + static_cast<long>(n) * p.nodes;
  set_obstacle(b, left, true);
  double edge[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    const double now = vm::exp(b.centre[l] + b.drift[l] * (1.0 - left)) * b.shape[l];
    const double carry = vm::exp((b.in.rate[l] - b.in.borrow[l]) * p.expiry * left) * b.kept[l];
    const double held = b.in.sign[l] * (now * carry - b.later_cash[l] - b.in.strike[l]);
    const double dead = b.slope[l] * b.shape[l] - b.level[l];
    edge[l] = vm::max(vm::max(held, dead), 0.0);
    b.slope[l] = b.unsmoothed[l] > 0.0 ? 0.0 : b.slope[l];
    b.level[l] = b.unsmoothed[l] > 0.0 ? kNever : b.level[l];
    b.unsmoothed[l] = 0.0;
  }
  eliminate(p.nodes, own, beside, gain, pull, b.value, b.scratch);
  substitute(p.nodes, pull, edge, b.slope, b.level, b.shape, b.scratch, b.value);
}

// Put the true exercise value where the raised one won: the lift belongs to the boundary only.
static inline void lower_exercised(Block& b, double left) {
  const DividendPlan& p = b.plan;
  double slope[kLanes], level[kLanes];
  set_obstacle(b, left, true);
  for (int l = 0; l < kLanes; ++l) {
    slope[l] = b.slope[l];
    level[l] = b.level[l] - (b.in.american[l] > 0.0 ? kAtExercise * b.in.strike[l] : 0.0);
  }
  set_obstacle(b, left, false);
  for (int j = 0; j < p.nodes; ++j) {
    double* u = b.at(b.value, j);
    const double* shape = b.at(b.shape, j);
    for (int l = 0; l < kLanes; ++l) {
      const double dead = b.slope[l] * shape[l] - b.level[l];
      u[l] = u[l] <= slope[l] * shape[l] - level[l] ? dead : u[l];
    }
  }
}

// Find where exercise stops to pay and smooth the kink that the choice leaves there.
static inline void smooth_choice(Block& b, int lane, const double* pays, int count) {
  const int nodes = b.plan.nodes;
  if (count < 4 || count > nodes - 6) return;
  const double* d = pays + static_cast<long>(count - 1) * kLanes + lane;  // last node that exercises
  const double before = d[-kLanes], here = d[0], next = d[kLanes], after = d[2 * kLanes];
  const double third = (after - 3.0 * next + 3.0 * here - before) / 6.0;
  const double second = (before - 2.0 * here + next) / 2.0;
  const double first = (next - before) / 2.0 - third;
  double x = here / (here - next);
  for (int i = 0; i < 4; ++i)
    x -= (here + x * (first + x * (second + x * third))) / (first + x * (2.0 * second + 3.0 * x * third));
  if (!(x >= 0.0 && x <= 1.0)) return;
  const double c[3] = {-(first + x * (2.0 * second + 3.0 * x * third)), 2.0 * second + 6.0 * third * x,
                       -6.0 * third};
  smooth_kink(b, lane, count - 1 + x, c);
  b.unsmoothed[lane] = 1.0;
}

// The values at kept*spot - cash, into scratch: cubic between the four nodes around.
static inline void interpolate(Block& b, double kept, double cash, const double* before,
                               const double* after) {
  const int nodes = b.plan.nodes;
  const double h = b.step(), reach = b.plan.reach, last = nodes - 1.0;
  const double* __restrict u = b.value;
  double pace[kLanes], spot_before[kLanes], place_after[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    pace[l] = b.in.sign[l] / (b.width[l] * h);
    spot_before[l] = kept * before[l];
    place_after[l] = reach / h + pace[l] * after[l];
  }
  for (int j = 0; j < nodes; ++j) {
    const double* __restrict shape = b.at(b.shape, j);
    double* __restrict held = b.at(b.scratch, j);
    double place[kLanes], base[kLanes], around[4][kLanes];
    for (int l = 0; l < kLanes; ++l) {
      const double spot = vm::max(spot_before[l] * shape[l] - cash, kTiny);
      const double anywhere = place_after[l] - pace[l] * vm::log(spot);
      place[l] = vm::min(vm::max(anywhere, 0.0), last);
      base[l] = vm::min(vm::max(vm::round(place[l] - 0.5), 1.0), last - 2.0);
    }
    for (int l = 0; l < kLanes; ++l) {
      const double* first = u + (static_cast<long>(base[l]) - 1) * kLanes + l;
      for (int k = 0; k < 4; ++k) around[k][l] = first[k * kLanes];
    }
    for (int l = 0; l < kLanes; ++l) {
      const double f = place[l] - base[l], up = f + 1.0, down = f - 1.0, far = f - 2.0;
      held[l] = down * far * (up * around[1][l] / 2.0 - f * around[0][l] / 6.0) +
                up * f * (down * around[3][l] / 6.0 - far * around[2][l] / 2.0);
    }
  }
}

// Across an ex-date: a holder at spot S the evening before owns the value at kept*S - cash, or exercises.
// A stock worth less than its dividend pays all it has and stays at zero (liquidator).
static inline void cross_event(Block& b, double left, int k) {
  const DividendPlan& p = b.plan;
  const double cash = p.cash[k], kept = p.kept[k];
  double before[kLanes], after[kLanes], count[kLanes];
  lower_exercised(b, left);
  for (int l = 0; l < kLanes; ++l) {
    after[l] = b.centre[l] + b.drift[l] * (1.0 - left);
    b.later_cash[l] += cash * b.kept[l] * vm::exp((b.in.rate[l] - b.in.borrow[l]) * p.expiry * left);
    b.kept[l] *= kept;
    b.centre[l] -= b.drop[k * kLanes + l];
    before[l] = vm::exp(b.centre[l] + b.drift[l] * (1.0 - left));
    count[l] = 0.0;
  }
  set_obstacle(b, left, false);
  interpolate(b, kept, cash, before, after);
  double* held = b.scratch;
  double* pays = b.value;
  for (int j = 0; j < p.nodes; ++j)
    for (int l = 0; l < kLanes; ++l) {
      const double dead = b.slope[l] * b.at(b.shape, j)[l] - b.level[l];
      const double gain = dead - b.at(held, j)[l];
      b.at(pays, j)[l] = gain;
      b.at(held, j)[l] += gain > 0.0 ? gain : 0.0;
      count[l] += gain > 0.0 && count[l] == j ? 1.0 : 0.0;
    }
  b.value = held;
  b.scratch = pays;
  for (int l = 0; l < kLanes; ++l) smooth_choice(b, l, pays, static_cast<int>(count[l]));
}

static inline void read_out(Block& b, std::size_t first, std::size_t used, const DividendOutputs& out) {
  const DividendPlan& p = b.plan;
  const int middle = (p.nodes - 1) / 2;
  lower_exercised(b, 1.0);
  for (std::size_t l = 0; l < used; ++l) {
    const double* u = b.at(b.value, middle) + l;
    const double spot = b.in.spot[l], sign = b.in.sign[l], h = b.step() * b.width[l];
    const double discount = vm::exp(-b.in.rate[l] * p.expiry);
    const double far_low = u[-2 * kLanes], low = u[-kLanes], high = u[kLanes], far_high = u[2 * kLanes];
    const double slope = -sign * (far_low - 8.0 * low + 8.0 * high - far_high) / (12.0 * h);
    const double bend = (16.0 * (low + high) - far_low - far_high - 30.0 * u[0]) / (12.0 * h * h);
    const double dead = sign * (spot - b.in.strike[l]);
    const bool exercised = b.in.american[l] > 0.0 && dead > 0.0 &&
                           u[0] * discount <= dead + kAtExercise * b.in.strike[l];
    out.price[first + l] = exercised ? dead : vm::max(u[0] * discount, 0.0);
    out.delta[first + l] = exercised ? sign : slope * discount / spot;
    out.gamma[first + l] = exercised ? 0.0 : (bend - slope) * discount / (spot * spot);
    out.exercised[first + l] = exercised ? 1.0 : 0.0;
  }
}

void values(const DividendPlan& plan, const DividendInputs& in, std::size_t from, std::size_t to,
            const DividendOutputs& out, double* memory) {
  const std::size_t column = static_cast<std::size_t>(plan.nodes) * kLanes;
  Block b{plan};
  for (std::size_t first = from; first < to; first += kLanes) {
    b.shape = memory;
    b.value = memory + column;
    b.scratch = memory + 2 * column;
    const std::size_t used = to - first < kLanes ? to - first : kLanes;
    for (std::size_t l = 0; l < kLanes; ++l) {
      const std::size_t row = first + (l < used ? l : used - 1);
      b.in.spot[l] = in.spot[row];
      b.in.strike[l] = in.strike[row];
      b.in.vol[l] = in.vol[row];
      b.in.rate[l] = in.rate[row];
      b.in.borrow[l] = in.borrow[row];
      b.in.sign[l] = in.sign[row];
      b.in.american[l] = in.american[row];
    }
    set_up(b);
    for (int n = 0; n < plan.steps; ++n) {
      step_back(b, n);
      if (plan.event[n] >= 0) cross_event(b, plan.left[n], plan.event[n]);
    }
    read_out(b, first, used, out);
  }
}

}  // namespace

extern const DividendKernels dividends;
const DividendKernels dividends = {values};

}  // namespace optix::OPTIX_ISA
