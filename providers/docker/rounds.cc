#include "providers/docker/rounds.h"

#include "providers/docker/decode.h"
#include "providers/docker/observe.h"
#include "reconciler/ports.h"
#include "reconciler/url.h"

namespace fairlead::docker {

HttpCall get(std::string path) {
  HttpCall call;
  call.path = std::move(path);
  return call;
}

HttpCall get(std::string path, std::vector<std::string> keep) {
  HttpCall call = get(std::move(path));
  call.keep = std::move(keep);
  return call;
}

const std::vector<std::string> container_members = {
    "Id", "Names", "ImageID", "State", "Status", "Labels/fairlead.*", "NetworkSettings/Networks"};
const std::vector<std::string> network_members = {"Id", "Name", "IPAM", "Labels/fairlead.*"};
const std::vector<std::string> volume_members = {"Volumes/Name", "Volumes/Driver",
                                                 "Volumes/Options", "Volumes/Labels/fairlead.*"};

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

void Rounds::ask_files(std::string folder, std::function<void(const std::string&)> taker) {
  FileCall call;
  call.act = FileCall::Act::list;
  call.area = FileCall::Area::secrets;
  call.path = std::move(folder);
  ask(std::move(call), [taker = std::move(taker)](const Answer& answer) -> Result<void> {
    if (answer.status == 404) return {};
    if (!answer.ok()) return unreadable("list mounted secrets", answer);
    const Result<Json> paths = Json::parse(answer.body);
    if (!paths) return paths.error();
    for (const Json& path : paths->items()) taker(path.as_string());
    return {};
  });
}

void Rounds::ask_listening(std::function<void(Publish)> taker) {
  for (const char* table : {"tcp", "tcp6"}) {
    FileCall call;
    call.act = FileCall::Act::read;
    call.area = FileCall::Area::sockets;
    call.path = table;
    ask(std::move(call), [taker](const Answer& answer) -> Result<void> {
      if (!answer.ok()) return {};
      for (Publish& socket : listening(answer.body)) taker(std::move(socket));
      return {};
    });
  }
}

std::string api(const Session& session) { return "/v" + session.facts["api"].as_string(); }

std::string filters(const Json& filter) { return percent_encode(filter.dump()); }

}  // namespace fairlead::docker
