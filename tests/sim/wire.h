#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/json.h"
#include "reconciler/world.h"
#include "tests/sim/sim_model.h"

// Small pure helpers of the simulated engine: taking requests apart and writing answers as Docker
// does.
namespace fairlead::sim {

// A request's path, percent-decoded. `version` is minor of 1.x, or 0 for an unversioned path.
struct Target {
  int version = 0;
  std::vector<std::string> parts;
  std::map<std::string, std::string> query;

  const std::string& part(std::size_t index) const;  // "" beyond the end
  std::string word(const std::string& key) const;    // "" where absent
  bool flag(const std::string& key) const;           // as Docker reads booleans
};
Target parse_target(std::string_view path);

Answer answer_json(int status, const Json& body);
Answer answer_empty(int status);
Answer answer_error(int status, const std::string& message);

// Filters in both forms, {"label": ["a=b"]} and {"label": {"a=b": true}}: key → values.
using Filters = std::map<std::string, std::vector<std::string>>;
std::optional<Filters> parse_filters(const std::string& text);  // nothing: not to be read
bool labels_match(const Filters& filters, const Labels& labels);
// Any of the values of `key` is equal to `value`, or there are none.
bool any_equal(const Filters& filters, const std::string& key, const std::string& value);
// The same with the values as regular expressions that match anywhere, as for names; of those only
// anchors, dots and escapes.
bool any_match(const Filters& filters, const std::string& key, const std::string& value);

std::string rfc3339(Duration wall);  // nanoseconds without trailing zeros; "0001-…" for none
std::string human_duration(Duration duration);  // "Less than a second", "2 minutes"

std::optional<std::uint32_t> parse_address(const std::string& text);
std::string format_address(std::uint32_t address);
// Host bits are kept out of `base`.
std::optional<Subnet> parse_subnet(const std::string& text);

Json to_json(const Labels& labels);
Labels to_labels(const Json& json);
std::string join(const std::vector<std::string>& words, std::string_view separator);
std::vector<std::string> to_strings(const Json& json);

// A deterministic 64-bit mixer (splitmix64); the source of ids and of all chance in the simulator.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : next() % limit; }
  Duration between(Duration low, Duration high);
  bool chance(double probability);
  std::string hex(std::size_t digits);

 private:
  std::uint64_t state_;
};

}  // namespace fairlead::sim
