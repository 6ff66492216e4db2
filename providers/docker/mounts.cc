#include "providers/docker/mounts.h"

#include "reconciler/mount_roots.h"

namespace fairlead::docker {

FileCall look_call(const Platform& platform, const std::string& path, const std::string& identity) {
  FileCall call;
  call.act = FileCall::Act::look;
  call.area = FileCall::Area::host;
  call.path = path;
  call.root = mount_root_of(platform, path);
  call.keeps_out = kept_out(platform);
  call.identity = identity;
  return call;
}

Result<SeenMount> decode_look(const std::string& path, const Answer& answer) {
  if (!answer.answered()) return Error{Code::unavailable, path + ": " + answer.error, ""};
  if (answer.ok()) return SeenMount{answer.body, ""};
  return SeenMount{"", answer.error};
}

Result<void> check_look(const FileCall& call, const Platform& platform) {
  const FileCall right = look_call(platform, call.path, call.identity);
  const std::string why = why_not_mounted(platform, call.path);
  if (!why.empty()) {
    return Error{Code::denied, "refused by fairlead's policy: mount of " + why, ""};
  }
  if (call.act == right.act && call.root == right.root && call.keeps_out == right.keeps_out) {
    return {};
  }
  return Error{Code::denied, "refused by fairlead's policy: a look at " + call.path, ""};
}

std::string why_not_mounted(const Platform& platform, const std::string& path) {
  const std::string why = why_never_mounted(platform, path);
  if (!why.empty()) return path + ": it " + why + ", which no container may mount";
  if (!mount_root_of(platform, path).empty()) return "";
  return path + ": below none of the platform file's mount_roots";
}

std::vector<std::string> said_mounts(const SeenContainer& container, const Platform& platform) {
  std::vector<std::string> paths;
  if (!container.detail) return paths;
  for (const std::string& path : container.detail->binds) {
    const std::string& app = container.identity.app;
    const bool edge = app == edge_app && path == platform.folders.edge;
    const bool secret = at_or_below(path, platform.folders.mounted_secrets + "/" + app);
    if (!edge && !secret) paths.push_back(path);
  }
  return paths;
}

}  // namespace fairlead::docker
