// Rows of the market as they go over the wire (docs/streaming.md), from columns.
//
// A codec knows the words of the lists in hello. It writes batches: again and again u32 number,
// u16 length of the JSON, u16 length of the binary row, then both. Numbers and words of the JSON are
// written as orjson writes them; rows.py has the same in Python, with the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace optix::fan {

struct Words {
  std::vector<std::string> quality, trading, status;  // with their quotation marks
};

// Columns of as many values as there are rows; `values` has one column after another.
struct QuoteColumns {
  size_t rows;
  const uint32_t* numbers;
  const std::vector<std::string_view>* symbols;  // JSON strings
  const double* values;  // bid, ask, bid_size, ask_size, last, open, high, low, previous_close, volume
  const int64_t* as_of;  // unix ms
  const uint8_t *quality, *flags, *trading;  // places of words; a trading of 255 is null
};

struct ChainColumns {
  size_t rows;
  const uint32_t *numbers, *positions;
  const double* quotes;     // bid, ask, bid_size, ask_size, last, volume
  const double* analytics;  // iv, delta, gamma, theta, vega, rho
  const uint8_t *status, *flags;
  const int64_t* as_of;
};

constexpr size_t kQuoteValues = 10, kChainQuotes = 6, kAnalytics = 6;
constexpr size_t kQuoteBytes = 56, kChainBytes = 60;

// Both throw std::out_of_range for a code that is no word.
void put_quotes(std::string& out, const Words& words, const QuoteColumns& rows);

// `columns` is the bit set of the JSON columns beside `i`, in the order of docs/streaming.md.
void put_chain(std::string& out, const Words& words, const ChainColumns& rows, uint32_t columns);

}  // namespace optix::fan
