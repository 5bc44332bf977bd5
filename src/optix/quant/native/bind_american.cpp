#include "american.hpp"
#include "bind.hpp"
#include "dispatch.hpp"
#include "parts.hpp"

OPTIX_DECLARE_KERNELS(AmericanKernels, american)

namespace optix {
namespace {

constexpr std::size_t kGrain = 24;
constexpr std::size_t kNodesMax = 32, kOrderMax = 64;  // as in american.inl

// Scheme arrays, flattened: node, rule, matrix, relax, premium_rule, premium_matrix.
AmericanScheme scheme_of(Column node, Column rule, Column matrix, Column relax, Column premium_rule,
                         Column premium_matrix) {
  AmericanScheme scheme{node.shape(0),  rule.shape(0) / 3,   relax.shape(0),
                        premium_rule.shape(0) / 3,           node.data(),
                        rule.data(),    matrix.data(),       relax.data(),
                        premium_rule.data(),                 premium_matrix.data()};
  if (scheme.nodes < 1 || scheme.nodes > kNodesMax ||
      matrix.shape(0) != scheme.nodes * scheme.nodes * scheme.points ||
      premium_matrix.shape(0) != scheme.nodes * scheme.premium_points) {
    throw std::invalid_argument("the tables of the scheme do not fit together");
  }
  return scheme;
}

AmericanFamily family_of(MatrixIn coefficients, MatrixIn rho_coefficients, MatrixIn rule,
                         double log_vol_middle, double log_vol_half) {
  const std::size_t points = coefficients.shape(0) - 1, order = coefficients.shape(1);
  if (order < 2 || order > kOrderMax || order % 2 != 0 || rule.shape(0) != 8 ||
      rule.shape(1) != points + 1 || rho_coefficients.shape(0) != points + 1 ||
      rho_coefficients.shape(1) != order) {
    throw std::invalid_argument("the tables of the family do not fit together");
  }
  return {points,           order,
          coefficients.data(), rho_coefficients.data(),
          rule.data(),      log_vol_middle,
          log_vol_half};
}

void boundary(Column node, Column rule, Column matrix, Column relax, Column premium_rule,
              Column premium_matrix, Column rate, Column dividend_yield, Column vol, Column years,
              MatrixOut depth, bool warm, int threads) {
  const AmericanScheme scheme =
      scheme_of(node, rule, matrix, relax, premium_rule, premium_matrix);
  const std::size_t rows = depth.shape(1);
  check_rows(rows, rate, dividend_yield, vol, years);
  if (depth.shape(0) != scheme.nodes) throw std::invalid_argument("depth has one row per node");
  const AmericanTerms terms{rate.data(), dividend_yield.data(), vol.data(), years.data()};
  const AmericanKernels& kernels = american_kernels();
  double* out = depth.data();
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    kernels.boundary(scheme, terms, begin, end, out, rows, warm);
  });
}

void single_price(Column node, Column rule, Column matrix, Column relax, Column premium_rule,
                  Column premium_matrix, Column rate, Column dividend_yield, Column vol,
                  Column years, Column moneyness, MatrixIn depth, ColumnOut out, int threads) {
  const AmericanScheme scheme =
      scheme_of(node, rule, matrix, relax, premium_rule, premium_matrix);
  const std::size_t rows = out.shape(0);
  check_rows(rows, rate, dividend_yield, vol, years, moneyness, depth);
  if (depth.shape(0) != scheme.nodes) throw std::invalid_argument("depth has one row per node");
  const AmericanTerms terms{rate.data(), dividend_yield.data(), vol.data(), years.data()};
  const AmericanKernels& kernels = american_kernels();
  const double *x = moneyness.data(), *z = depth.data();
  double* prices = out.data();
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    kernels.single_price(scheme, terms, x, z, rows, begin, end, prices);
  });
}

void family_values(MatrixIn coefficients, MatrixIn rho_coefficients, MatrixIn rule,
                   double log_vol_middle, double log_vol_half, Column moneyness, Column vol,
                   MatrixOut out, int threads) {
  const AmericanFamily family =
      family_of(coefficients, rho_coefficients, rule, log_vol_middle, log_vol_half);
  const std::size_t rows = out.shape(1);
  check_rows(rows, moneyness, vol);
  if (out.shape(0) != 1 && out.shape(0) != 8) {
    throw std::invalid_argument("out has one row, or eight");
  }
  const AmericanKernels& kernels = american_kernels();
  const double *x = moneyness.data(), *vols = vol.data();
  double* values = out.data();
  const bool full = out.shape(0) == 8;
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    kernels.family_values(family, x, vols, begin, end, values, rows, full);
  });
}

void family_implied_vol(MatrixIn coefficients, MatrixIn rule, double log_vol_middle,
                        double log_vol_half, Column moneyness, Column price, ColumnOut vol,
                        StatusOut edge, int threads) {
  const AmericanFamily family =
      family_of(coefficients, coefficients, rule, log_vol_middle, log_vol_half);
  const std::size_t rows = vol.shape(0);
  check_rows(rows, moneyness, price, edge);
  const AmericanKernels& kernels = american_kernels();
  const double *x = moneyness.data(), *prices = price.data();
  double* vols = vol.data();
  std::int8_t* edges = edge.data();
  over_rows(rows, kGrain, threads, [&](std::size_t begin, std::size_t end) {
    kernels.family_implied_vol(family, x, prices, begin, end, vols, edges);
  });
}

}  // namespace

void bind_american(nb::module_& module) {
  module.def("american_boundary", &boundary, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, nb::arg(), nb::arg());
  module.def("american_single_price", &single_price, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
  module.def("american_family_values", &family_values, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT,
             nb::arg(), nb::arg(), OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
  module.def("american_family_implied_vol", &family_implied_vol, OPTIX_EXACT, OPTIX_EXACT, nb::arg(),
             nb::arg(), OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, OPTIX_EXACT, nb::arg());
}

}  // namespace optix
