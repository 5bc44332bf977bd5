// Options of one expiry priced through a family of boundaries; included by american.inl.
//
// The value of a put of unit strike is a sum of terms A*Phi(-d_minus) - C*x*Phi(-d_plus): one for
// every point of the premium integral, with the boundary in d, and one for the European option, with
// the strike. All derivatives follow from the same two densities and two distributions.

enum RuleRow { kInverseRoot, kRoot, kCarry, kInterest, kDividend, kRhoInterest, kRhoDividend, kRhoTime };
enum Value { kPrice, kSlope, kBend, kTwist, kVega, kVanna, kVomma, kRho, kValues };
enum class Depth { price, vega, full };

// Chebyshev polynomials of ln vol and their derivatives by it, for every row of a block.
struct Basis {
  Lanes value[kOrderMax], first[kOrderMax], second[kOrderMax];
};

template <Depth kDepth>
void expand(const AmericanFamily& family, const Lanes& vol, Basis& basis) {
  Lanes xi;
  const double scale = 1.0 / family.log_vol_half;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double place = (vm::log(vol[i]) - family.log_vol_middle) * scale;
    xi[i] = vm::min(vm::max(place, -1.0), 1.0);
    basis.value[0][i] = 1.0;
    basis.value[1][i] = xi[i];
    basis.first[0][i] = 0.0;
    basis.first[1][i] = scale;
    basis.second[0][i] = basis.second[1][i] = 0.0;
  }
  for (std::size_t k = 2; k < family.order; ++k) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const double twice = 2.0 * xi[i];
      basis.value[k][i] = twice * basis.value[k - 1][i] - basis.value[k - 2][i];
      if (kDepth == Depth::price) continue;
      basis.first[k][i] = twice * basis.first[k - 1][i] + 2.0 * scale * basis.value[k - 1][i] -
                          basis.first[k - 2][i];
      if (kDepth == Depth::vega) continue;
      basis.second[k][i] = twice * basis.second[k - 1][i] + 4.0 * scale * basis.first[k - 1][i] -
                           basis.second[k - 2][i];
    }
  }
}

static inline void combine(const double* coefficients, const Lanes* basis, std::size_t order,
                           Lanes& out) {
  Lanes even, odd;
  for (std::size_t i = 0; i < kLanes; ++i) even[i] = odd[i] = 0.0;
  for (std::size_t k = 0; k + 1 < order; k += 2) {
    for (std::size_t i = 0; i < kLanes; ++i) even[i] += coefficients[k] * basis[k][i];
    for (std::size_t i = 0; i < kLanes; ++i) odd[i] += coefficients[k + 1] * basis[k + 1][i];
  }
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = even[i] + odd[i];
}

// The logarithm of the level an option is compared with, and its derivatives by vol and for rho.
struct Level {
  Lanes log, by_vol, by_vol_twice, by_rho;
};

template <Depth kDepth>
void level_at(const AmericanFamily& family, std::size_t point, const Basis& basis,
              const Lanes& inverse_vol, Level& level) {
  const double* row = family.coefficients + point * family.order;
  combine(row, basis.value, family.order, level.log);
  if (kDepth == Depth::price) return;
  combine(row, basis.first, family.order, level.by_vol);
  if (kDepth == Depth::full) {
    combine(row, basis.second, family.order, level.by_vol_twice);
    combine(family.rho_coefficients + point * family.order, basis.value, family.order, level.by_rho);
    for (std::size_t i = 0; i < kLanes; ++i) {
      const double bent = level.by_vol_twice[i] - level.by_vol[i];
      level.by_vol_twice[i] = bent * inverse_vol[i] * inverse_vol[i];
    }
  }
  for (std::size_t i = 0; i < kLanes; ++i) level.by_vol[i] *= inverse_vol[i];
}

struct RowTerms {
  Lanes x, log_x, vol, inverse_vol;
};

// Adds the term of one point, or (exact) of the European option, to the values of every row.
template <Depth kDepth, bool kExact>
__attribute__((noinline)) void add_point(const double* rule, std::size_t stride,
                                         const RowTerms& rows, const Level& level, Lanes* values) {
  const double inverse_root = rule[kInverseRoot * stride], root = rule[kRoot * stride];
  const double carry = rule[kCarry * stride];
  const double a = rule[kInterest * stride], c = rule[kDividend * stride];
  const double rho_a = rule[kRhoInterest * stride], rho_c = rule[kRhoDividend * stride];
  const double rho_time = rule[kRhoTime * stride];
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double inverse_vol = rows.inverse_vol[i];
    const double inverse = inverse_root * inverse_vol;
    const double deviation = rows.vol[i] * root;
    const double d = (rows.log_x[i] - level.log[i] + carry) * inverse - 0.5 * deviation;
    const double e = d + deviation;
    const double f_minus = kExact ? vm::norm_pdf(d) : bell(d);
    const double f_plus = kExact ? vm::norm_pdf(e) : bell(e);
    const double share = kExact ? exact_tail(f_minus, -d, 1.0) : tail(f_minus, -d, 1.0);
    const double sold = kExact ? exact_tail(f_plus, -e, 1.0) : tail(f_plus, -e, 1.0);
    const double stock = rows.x[i] * sold;
    values[kPrice][i] += a * share - c * stock;
    if (kDepth == Depth::price) continue;
    const double cash_bell = a * f_minus, stock_bell = c * rows.x[i] * f_plus;
    const double d_vol = -e * inverse_vol - level.by_vol[i] * inverse;
    const double e_vol = d_vol + root;
    values[kVega][i] += stock_bell * e_vol - cash_bell * d_vol;
    if (kDepth == Depth::vega) continue;
    const double gain = (cash_bell - stock_bell) * inverse, q = stock_bell * inverse;
    const double bend = q - c * stock;
    values[kSlope][i] -= c * stock + gain;
    values[kBend][i] += bend + gain * d * inverse;
    values[kTwist][i] += bend - d * inverse * q + gain * inverse * inverse * (1.0 - d * d);
    values[kVanna][i] += cash_bell * (d * d_vol + inverse_vol) * inverse +
                         stock_bell * (e_vol - (e * e_vol + inverse_vol) * inverse);
    const double d_bent = (e * inverse_vol - e_vol + level.by_vol[i] * inverse) * inverse_vol -
                          level.by_vol_twice[i] * inverse;
    values[kVomma][i] += cash_bell * (d * d_vol * d_vol - d_bent) -
                         stock_bell * (e * e_vol * e_vol - d_bent);
    values[kRho][i] += rho_a * share - rho_c * stock - gain * (rho_time - level.by_rho[i]);
  }
}

// All values of a block of rows, and the logarithm of the boundary now.
template <Depth kDepth>
void evaluate(const AmericanFamily& family, const RowTerms& rows, Lanes* values, Lanes& boundary) {
  Basis basis;
  Level level;
  const std::size_t stride = family.points + 1;
  expand<kDepth>(family, rows.vol, basis);
  for (std::size_t kind = 0; kind < kValues; ++kind) {
    for (std::size_t i = 0; i < kLanes; ++i) values[kind][i] = 0.0;
  }
  for (std::size_t j = 0; j < family.points; ++j) {
    level_at<kDepth>(family, j, basis, rows.inverse_vol, level);
    add_point<kDepth, false>(family.rule + j, stride, rows, level, values);
  }
  combine(family.coefficients + family.points * family.order, basis.value, family.order, boundary);
  for (std::size_t i = 0; i < kLanes; ++i) {
    values[kPrice][i] = vm::max(values[kPrice][i], 0.0);  // what early exercise adds is never less
    level.log[i] = level.by_vol[i] = level.by_vol_twice[i] = level.by_rho[i] = 0.0;
  }
  add_point<kDepth, true>(family.rule + family.points, stride, rows, level, values);
}

void set_vol(RowTerms& rows, std::size_t lane, double vol) {
  rows.vol[lane] = vol;
  rows.inverse_vol[lane] = 1.0 / vol;
}

void load_rows(const double* moneyness, const double* vol, std::size_t start, std::size_t end,
               RowTerms& rows) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::size_t row = row_of(start, i, end);
    rows.x[i] = moneyness[row];
    set_vol(rows, i, vol[row]);
  }
  for (std::size_t i = 0; i < kLanes; ++i) rows.log_x[i] = vm::log(rows.x[i]);
}

template <Depth kDepth>
void write_values(const AmericanFamily& family, const double* moneyness, const double* vol,
                  std::size_t begin, std::size_t end, double* out, std::size_t stride) {
  constexpr std::size_t kKinds = kDepth == Depth::full ? kValues : 1;
  for (std::size_t start = begin; start < end; start += kLanes) {
    RowTerms rows;
    Lanes values[kValues], boundary;
    load_rows(moneyness, vol, start, end, rows);
    evaluate<kDepth>(family, rows, values, boundary);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      for (std::size_t i = 0; i < kLanes; ++i) {
        // Exercised, the put is 1 - x: every derivative by ln x is -x, the others are 0.
        const double gone = kind == kPrice ? 1.0 - rows.x[i] : kind <= kTwist ? -rows.x[i] : 0.0;
        const bool dead = rows.log_x[i] <= boundary[i];
        values[kind][i] = dead ? gone : values[kind][i];
        if (kind == kPrice) values[kind][i] = vm::max(values[kind][i], 1.0 - rows.x[i]);
      }
    }
    const std::size_t size = end - start < kLanes ? end - start : kLanes;
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      for (std::size_t i = 0; i < size; ++i) out[kind * stride + start + i] = values[kind][i];
    }
  }
}

void family_values(const AmericanFamily& family, const double* moneyness, const double* vol,
                   std::size_t begin, std::size_t end, double* out, std::size_t stride, bool full) {
  if (full) {
    write_values<Depth::full>(family, moneyness, vol, begin, end, out, stride);
  } else {
    write_values<Depth::price>(family, moneyness, vol, begin, end, out, stride);
  }
}

constexpr int kStepsMax = 60;
constexpr double kSmallStep = 1e-9;

// One safeguarded Newton step. In the money the time value grows with the square of the distance to
// the volatility where it vanishes, so the step is taken on its root; out of the money it grows like
// an exponential, so the step is taken on its logarithm.
struct Search {
  Lanes target, low, high, moved;
};

void step(const RowTerms& rows, const Lanes* values, const Lanes& boundary, Search& search) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const double exercise = vm::max(1.0 - rows.x[i], 0.0);
    const double over = vm::max(values[kPrice][i] - exercise, 0.0);
    const double wanted = search.target[i] - exercise;
    const bool alive = (rows.log_x[i] > boundary[i]) & (over > 1e-14) & (values[kVega][i] > 1e-14);
    const bool above = alive & (over > wanted);
    search.high[i] = above ? rows.vol[i] : search.high[i];
    search.low[i] = above ? search.low[i] : rows.vol[i];
    const double safe = vm::max(over, 1e-14), slope = vm::max(values[kVega][i], 1e-14);
    const double root = vm::sqrt(safe);
    const double by_root = 2.0 * root * (vm::sqrt(vm::max(wanted, 0.0)) - root) / slope;
    const double by_log = safe * vm::log_ratio(vm::max(wanted, 1e-250), safe) / slope;
    const double newton = rows.vol[i] + (exercise > 0.0 ? by_root : by_log);
    const bool inside = alive & (newton >= search.low[i]) & (newton <= search.high[i]);
    const double middle = vm::sqrt(search.low[i] * search.high[i]);
    search.moved[i] = inside ? newton : middle;
  }
}

void family_implied_vol(const AmericanFamily& family, const double* moneyness, const double* price,
                        std::size_t begin, std::size_t end, double* vol, signed char* edge) {
  const double least = vm::exp(family.log_vol_middle - family.log_vol_half);
  const double most = vm::exp(family.log_vol_middle + family.log_vol_half);
  for (std::size_t start = begin; start < end; start += kLanes) {
    RowTerms rows;
    Search search;
    Lanes values[kValues], boundary;
    load_rows(moneyness, vol, start, end, rows);
    for (std::size_t i = 0; i < kLanes; ++i) {
      search.target[i] = price[row_of(start, i, end)];
      search.low[i] = least;
      search.high[i] = most;
      set_vol(rows, i, vm::min(vm::max(rows.vol[i], least), most));
    }
    std::int64_t moving = 1;
    for (int count = 0; moving != 0 && count < kStepsMax; ++count) {
      evaluate<Depth::vega>(family, rows, values, boundary);
      step(rows, values, boundary, search);
      moving = 0;
      for (std::size_t i = 0; i < kLanes; ++i) {
        moving += vm::abs(search.moved[i] - rows.vol[i]) > kSmallStep * rows.vol[i];
        set_vol(rows, i, search.moved[i]);
      }
    }
    const std::size_t size = end - start < kLanes ? end - start : kLanes;
    for (std::size_t i = 0; i < size; ++i) {
      const double found = rows.vol[i];
      const bool open = search.high[i] - search.low[i] > 1e-6 * found;
      vol[start + i] = found;
      edge[start + i] = found <= least * (1.0 + 1e-8)   ? -1
                        : found >= most * (1.0 - 1e-8)  ? 1
                        : moving != 0 && open           ? 2
                                                        : 0;
    }
  }
}
