#include "providers/docker/rounds.h"

#include "providers/docker/decode.h"
#include "providers/docker/observe.h"

namespace fairlead::docker {

HttpCall get(std::string path) {
  HttpCall call;
  call.path = std::move(path);
  return call;
}

FileCall list_files(std::string path) {
  FileCall call;
  call.act = FileCall::Act::list;
  call.area = FileCall::Area::secrets;
  call.path = std::move(path);
  return call;
}

Json label_filter(std::vector<std::string> labels) {
  return Json::object({{"label", Json(labels)}});
}

Error unreadable(const std::string& what, const Answer& answer) {
  return {Code::unavailable,
          what + ": " +
              (answer.answered() ? std::to_string(answer.status) + " " + decode_message(answer.body)
                                 : answer.error),
          ""};
}

std::string api(const Session& session) { return "/v" + session.facts["api"].as_string(); }

std::string filters(const Json& filter) {
  static const char* const hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : filter.dump()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

}  // namespace fairlead::docker
