// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Drawings for explain's page. Lengths are units of the view box; text is 12 units high and takes at most 7.3 a
// character in the page's monospaced font.
#include "compiler/driver/PageGraphics.h"
#include "compiler/driver/Text.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace llvm;
using namespace attn;
using namespace attn::driver;

std::string attn::driver::escaped(StringRef text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += c;
    }
  return result;
}

/// `mayShrink`: to the width of the page; else it scrolls.
static std::string opening(double width, double height, StringRef label, bool mayShrink = true) {
  return formatv("<svg viewBox=\"0 0 {0:f0} {1:f0}\" style=\"{2}width:{0:f0}px\" role=\"img\" aria-label=\"{3}\">\n",
                 width, height, mayShrink ? "max-" : "", escaped(label));
}

static std::string textAt(double x, double y, StringRef text, StringRef anchor = "start") {
  return formatv("<text x=\"{0:f1}\" y=\"{1:f1}\" text-anchor=\"{2}\">{3}</text>\n", x, y, anchor, escaped(text));
}

static std::string line(double x1, double y1, double x2, double y2, StringRef kind) {
  return formatv("<line x1=\"{0:f1}\" y1=\"{1:f1}\" x2=\"{2:f1}\" y2=\"{3:f1}\" class=\"{4}\"/>\n", x1, y1, x2, y2,
                 kind);
}

namespace {

/// Where the boxes of a pass graph stand: a column a pass, and one behind it for what is made from block values.
struct PassLayout {
  static constexpr double width = 190, height = 44, gapX = 50, gapY = 16, side = 18, top = 30, below = 26;
  std::vector<std::string> labels;                ///< of columns
  std::vector<unsigned> columns;                  ///< of each summary
  std::vector<std::pair<double, double>> corners; ///< of each summary
  unsigned most = 0;                              ///< summaries of the fullest column

  explicit PassLayout(ArrayRef<SummaryRow> rows) {
    std::vector<unsigned> used;
    for (const SummaryRow &row : rows) { // in the order of their passes
      if (labels.empty() || labels.back() != passLabel(row)) {
        labels.push_back(passLabel(row));
        used.push_back(0);
      }
      columns.push_back(labels.size() - 1);
      corners.push_back({left(columns.back()), top + used.back()++ * (height + gapY)});
      most = std::max(most, used.back());
    }
  }
  double left(unsigned column) const { return side + column * (width + gapX); }
  double totalWidth() const { return left(std::max<size_t>(labels.size(), 1) - 1) + width + 8; }
  double totalHeight() const { return top + most * (height + gapY) + below; }

  /// In a column along its left side, to the next one from side to side, over several below all boxes between.
  std::string arrow(unsigned from, unsigned to) const {
    auto [x1, y1] = corners[from];
    auto [x2, y2] = corners[to];
    unsigned over = columns[to] - columns[from];
    if (over == 0)
      return curve({x1, y1 + height / 2}, {x1 - side, y1 + height / 2}, {x2 - side, y2 + height / 2},
                   {x2 - 6, y2 + height / 2});
    if (over == 1)
      return curve({x1 + width, y1 + height / 2}, {(x1 + width + x2) / 2, y1 + height / 2},
                   {(x1 + width + x2) / 2, y2 + height / 2}, {x2 - 6, y2 + height / 2});
    return curve({x1 + width / 2, y1 + height}, {x1 + width / 2, totalHeight() - 4},
                 {x2 + width / 2, totalHeight() - 4}, {x2 + width / 2, y2 + height + 6});
  }

private:
  using Point = std::pair<double, double>;
  static std::string curve(Point a, Point b, Point c, Point d) {
    return formatv("<path d=\"M{0:f1} {1:f1} C{2:f1} {3:f1} {4:f1} {5:f1} {6:f1} {7:f1}\" class=\"wait\"/>\n", a.first,
                   a.second, b.first, b.second, c.first, c.second, d.first, d.second);
  }
};

} // namespace

std::string attn::driver::passGraph(const StreamReport &stream) {
  constexpr size_t kMostCharacters = 24;
  ArrayRef<SummaryRow> rows = stream.summaries;
  PassLayout layout(rows);
  std::string svg = opening(layout.totalWidth(), layout.totalHeight(), "passes over " + stream.ranks + " as written",
                            /*mayShrink=*/false);
  svg += "<defs><marker id=\"head\" viewBox=\"0 0 6 6\" refX=\"0\" refY=\"3\" markerWidth=\"4\" markerHeight=\"4\" "
         "orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" class=\"point\"/></marker></defs>\n";
  for (auto [column, label] : enumerate(layout.labels))
    svg += textAt(layout.left(column), 16, label);
  for (auto [i, row] : enumerate(rows))
    for (unsigned other : row.waits)
      svg += layout.arrow(other, i);
  for (auto [i, row] : enumerate(rows)) {
    auto [x, y] = layout.corners[i];
    std::string what = row.what.size() <= kMostCharacters ? row.what : row.what.substr(0, kMostCharacters - 2) + "..";
    svg += formatv("<rect x=\"{0:f1}\" y=\"{1:f1}\" width=\"{2}\" height=\"{3}\" rx=\"5\" class=\"node\"/>\n", x, y,
                   layout.width, layout.height);
    svg += textAt(x + 8, y + 18, what) + textAt(x + 8, y + 35, row.place);
  }
  return svg + "</svg>\n";
}

std::string attn::driver::blockMapGraph(const BlockMap &map) {
  size_t columns = map.cells.front().size(), rows = map.cells.size();
  double side = std::min(24.0, std::max(6.0, std::floor(384.0 / double(std::max(columns, rows)))));
  constexpr double kLeft = 20, kTop = 20;
  std::string svg = opening(std::max(kLeft + side * double(columns) + 2, 130.0), kTop + side * double(rows) + 2,
                            "blocks of " + map.rows + " and " + map.columns);
  svg += textAt(kLeft, 13, map.columns + " \u2192") + textAt(2, kTop + 12, map.rows) + textAt(2, kTop + 27, "\u2193");
  for (auto [r, cells] : enumerate(map.cells))
    for (auto [c, cell] : enumerate(cells))
      svg += formatv("<rect x=\"{0:f1}\" y=\"{1:f1}\" width=\"{2:f1}\" height=\"{2:f1}\" class=\"{3}\"/>\n",
                     kLeft + side * double(c), kTop + side * double(r), side - 1,
                     cell == '#'   ? "full"
                     : cell == '+' ? "partial"
                                   : "empty");
  return svg + "</svg>\n";
}

std::string attn::driver::rooflineGraph(double intensity, double balance) {
  constexpr double kLeft = 56, kTop = 14, kWidth = 400, kHeight = 180, kDecadeY = kHeight / 3;
  double low = std::floor(std::log10(std::min(intensity, balance))) - 1;
  double high = std::ceil(std::log10(std::max(intensity, balance))) + 1;
  auto x = [&](double value) { return kLeft + kWidth * (std::log10(value) - low) / (high - low); };
  auto y = [&](double fraction) {
    return kTop + std::min(kHeight, -kDecadeY * std::log10(fraction)); // the bottom is a thousandth
  };
  std::string svg = opening(kLeft + kWidth + 36, kTop + kHeight + 44, "roofline");
  for (double decade = low; decade <= high; ++decade) {
    svg += line(x(std::pow(10, decade)), kTop, x(std::pow(10, decade)), kTop + kHeight, "grid");
    svg += textAt(x(std::pow(10, decade)), kTop + kHeight + 17, number(std::pow(10, decade), 6), "middle");
  }
  for (auto [fraction, label] : {std::pair(1.0, "100 %"), {0.1, "10 %"}, {0.01, "1 %"}, {0.001, "0.1 %"}}) {
    svg += line(kLeft, y(fraction), kLeft + kWidth, y(fraction), "grid");
    svg += textAt(kLeft - 6, y(fraction) + 4, label, "end");
  }
  double start = std::max(std::pow(10, low), balance / 1000);
  svg += line(x(start), y(start / balance), x(balance), y(1), "roof") +
         line(x(balance), y(1), kLeft + kWidth, y(1), "roof");
  double reachable = std::min(1.0, intensity / balance);
  svg += line(x(intensity), y(reachable), x(intensity), kTop + kHeight, "drop");
  svg += formatv("<circle cx=\"{0:f1}\" cy=\"{1:f1}\" r=\"5\" class=\"point\"/>\n", x(intensity), y(reachable));
  svg += textAt(kLeft + kWidth / 2, kTop + kHeight + 37, "flop/byte", "middle");
  return svg + "</svg>\n";
}
