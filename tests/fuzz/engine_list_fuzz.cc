#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "providers/docker/decode.h"
#include "reconciler/json.h"
#include "reconciler/json_sieve.h"

// A libFuzzer target for the engine's lists and inspects: the first byte says in what pieces the
// rest comes. Besides crashes it looks for a text that depends on how it is cut, for JSON that
// becomes none or says something else, and for an object that passes for ours without a key.
namespace {

using fairlead::Json;
using fairlead::JsonSieve;
namespace docker = fairlead::docker;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string sieved(std::string_view text, const std::vector<std::string>& keep, std::size_t piece) {
  JsonSieve sieve(keep);
  while (!text.empty()) {
    sieve.feed(text.substr(0, piece));
    text.remove_prefix(std::min(text.size(), piece));
  }
  require(sieve.largest().size() < 1000);
  return sieve.take();
}

void decode(const Json& entry) {
  static const fairlead::Keys keys("0123456789abcdef", fairlead::Secret(std::string(32, 'k')));
  require(!docker::decode_container(keys, entry));
  require(!docker::decode_network(keys, entry).ours);
  require(!docker::decode_volume(keys, entry).ours);
  docker::decode_detail(entry, {});
  docker::too_much_inherited(entry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] + 1u;
  const std::vector<std::string> keep = {"Id", "Names", "Labels/fairlead.*", "Net/Networks"};
  docker::decode_log(text);
  docker::decode_message(text);
  docker::decode_progress_error(text);
  const std::string kept = sieved(text, keep, piece);
  require(kept == sieved(text, keep, text.size() + 1));
  // All of it, where nothing is cut.
  const auto whole = Json::parse(text);
  if (!whole) return 0;
  require(Json::parse(kept).ok());
  decode(*whole);
  for (const Json& entry : whole->items()) decode(entry);
  if (text.size() > JsonSieve::key_max) return 0;
  const auto all = Json::parse(sieved(text, {"*"}, piece));
  require(all.ok() && *all == *whole);
  return 0;
}
