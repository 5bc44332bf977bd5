#include "bind_rows.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <utility>

#include "rows.hpp"

namespace nb = nanobind;
using namespace nb::literals;

// An array of another type is an error, not a silent copy.
#define EXACT(name) nb::arg(name).noconvert()

namespace optix::fan {
namespace {

template <class Value>
using Column = nb::ndarray<const Value, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class... Columns>
void check_rows(size_t rows, const Columns&... columns) {
  if (((columns.shape(0) != rows) || ...)) {
    throw std::invalid_argument("every column has one value per row");
  }
}

void check_shape(const Matrix& matrix, size_t columns, size_t rows) {
  if (matrix.shape(0) != columns || matrix.shape(1) != rows) {
    throw std::invalid_argument("the values are columns of one value per row");
  }
}

nb::bytes quotes(const Words& words, Column<uint32_t> numbers, const nb::list& symbols,
                 Matrix values, Column<int64_t> as_of, Column<uint8_t> quality,
                 Column<uint8_t> flags, Column<uint8_t> trading) {
  const size_t rows = numbers.shape(0);
  check_rows(rows, as_of, quality, flags, trading);
  check_shape(values, kQuoteValues, rows);
  if (symbols.size() != rows) throw std::invalid_argument("every column has one value per row");
  std::vector<std::string_view> texts;
  texts.reserve(rows);
  for (nb::handle each : symbols) {
    const auto text = nb::cast<nb::bytes>(each);
    texts.emplace_back(static_cast<const char*>(text.data()), text.size());
  }
  std::string batch;
  batch.reserve(rows * 256);
  put_quotes(batch, words,
             {rows, numbers.data(), &texts, values.data(), as_of.data(), quality.data(),
              flags.data(), trading.data()});
  return nb::bytes(batch.data(), batch.size());
}

nb::bytes chain(const Words& words, Column<uint32_t> numbers, Column<uint32_t> positions,
                Matrix quotes, Matrix analytics, Column<uint8_t> status, Column<uint8_t> flags,
                Column<int64_t> as_of, uint32_t columns) {
  const size_t rows = numbers.shape(0);
  check_rows(rows, positions, status, flags, as_of);
  check_shape(quotes, kChainQuotes, rows);
  check_shape(analytics, kAnalytics, rows);
  std::string batch;
  batch.reserve(rows * 256);
  put_chain(batch, words,
            {rows, numbers.data(), positions.data(), quotes.data(), analytics.data(),
             status.data(), flags.data(), as_of.data()},
            columns);
  return nb::bytes(batch.data(), batch.size());
}

}  // namespace

void bind_rows(nb::module_& module) {
  nb::class_<Words>(module, "Rows")
      .def(
          "__init__",
          [](Words* self, std::vector<std::string> quality, std::vector<std::string> trading,
             std::vector<std::string> status) {
            new (self) Words{std::move(quality), std::move(trading), std::move(status)};
          },
          nb::kw_only(), "quality"_a, "trading"_a, "status"_a)
      .def("quotes", &quotes, nb::kw_only(), EXACT("numbers"), "symbols"_a, EXACT("values"), EXACT("as_of"),
           EXACT("quality"), EXACT("flags"), EXACT("trading"))
      .def("chain", &chain, nb::kw_only(), EXACT("numbers"), EXACT("positions"), EXACT("quotes"),
           EXACT("analytics"), EXACT("status"), EXACT("flags"), EXACT("as_of"), "columns"_a);
}

}  // namespace optix::fan
