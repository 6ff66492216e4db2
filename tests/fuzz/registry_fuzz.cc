#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include "reconciler/registry.h"

// A libFuzzer target for what a registry answers: lines are the answers in turn, of each the first
// character chooses the status, the second which header gets the rest, or the body does. Besides
// crashes it looks for a conversation without end, and for a login that goes to another machine in
// the clear.
namespace {

using namespace fairlead;

void require(bool holds) {
  if (!holds) std::abort();
}

Answer answer_in(std::string_view line) {
  constexpr int statuses[] = {200, 401, 403, 404, 429, 500, 503, 302, 0};
  Answer answer;
  if (line.size() < 2) return answer;
  answer.status = statuses[static_cast<unsigned char>(line[0]) % std::size(statuses)];
  const std::string rest(line.substr(2));
  switch (line[1]) {
    case 'w':
      answer.headers["www-authenticate"] = rest;
      break;
    case 'l':
      answer.headers["link"] = rest;
      answer.body = R"({"tags":["1","2"]})";
      break;
    case 'd':
      answer.headers["docker-content-digest"] = rest;
      break;
    case 'r':
      answer.headers["retry-after"] = rest;
      break;
    default:
      answer.body = rest;
  }
  return answer;
}

bool has_login(const HttpCall& call) {
  return call.login ||
         std::any_of(call.headers.begin(), call.headers.end(),
                     [](const auto& header) { return header.first == "Authorization"; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Platform platform = [] {
    Platform with_login;
    with_login.registries["r.example.org"] = {"ann", "/etc/password"};
    return with_login;
  }();
  Inquiry::Question question;
  question.image = *ImageRef::parse("r.example.org/acme/blog:1");
  question.current = "1";
  question.track = Track::parse(size % 2 == 0 ? "semver" : "digest").value();
  question.list = size % 3 == 0;
  Inquiry inquiry(question, platform);
  int calls = 0;
  while (!inquiry.finished()) {
    const auto call = inquiry.next();
    require(call.has_value() && ++calls < 1000);
    require(call->tls || !has_login(*call));
    const std::size_t end = std::min(text.find('\n'), text.size());
    inquiry.take(answer_in(text.substr(0, end)));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  require(!inquiry.next());
  return 0;
}
