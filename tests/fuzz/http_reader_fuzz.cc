#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "reconciler/live/http_reader.h"

// A libFuzzer target for what a peer answers: the first byte says whether to HEAD and in what
// pieces the rest comes. Besides crashes it looks for an answer that depends on how it is cut, for
// one that is whole and yet has an error, and for more being kept than the limits allow.
namespace {

using fairlead::live::HttpLimits;
using fairlead::live::HttpReader;

void require(bool holds) {
  if (!holds) std::abort();
}

// Which of several faults is told, and how early, may depend on where the text is cut.
struct Seen {
  std::string body, error;
  int status = 0;
  bool complete = false;
  std::size_t kept = 0;

  bool operator==(const Seen& other) const {
    return complete == other.complete &&
           (!complete || (body == other.body && status == other.status && kept == other.kept));
  }
};

Seen read(std::string_view text, bool to_head, std::size_t size) {
  Seen seen;
  int asked = 0;
  const HttpReader::HeadersSeen headers = [&](int status) {
    require(++asked == 1 && status >= 100 && status <= 999);
    return status != 299;
  };
  const HttpReader::PieceSeen piece = [&](const char* data, std::size_t bytes) {
    require(asked == 1 && bytes > 0 && !to_head);
    seen.body.append(data, bytes);
    return true;
  };
  HttpReader reader(to_head, headers, piece);
  bool more = true;
  for (; more && !text.empty(); text.remove_prefix(std::min(size, text.size())))
    more = reader.feed(text.substr(0, size));
  require(more == (!reader.complete() && reader.error().empty()) || reader.status() == 299);
  if (more) reader.end();
  for (const auto& [name, value] : reader.headers()) seen.kept += name.size() + value.size();
  seen.error = reader.error();
  seen.status = reader.status();
  seen.complete = reader.complete();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const std::size_t pieces = 1 + (data[0] >> 1);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Seen whole = read(text, to_head, size);
  // Near a limit the pieces may decide.
  require(size > HttpLimits::chunk_line_bytes || whole == read(text, to_head, pieces));
  require(!whole.complete || (whole.error.empty() && whole.status >= 100));
  require(whole.kept <= 2 * HttpLimits::head_bytes && whole.error.size() < 300);
  return 0;
}
