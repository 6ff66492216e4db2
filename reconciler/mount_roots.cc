#include "reconciler/mount_roots.h"

#include <iterator>

namespace fairlead {
namespace {

// Of the system: what lies there decides over the host, or shows what is in it.
constexpr std::string_view system_folders[] = {
    "/bin",           "/boot", "/dev", "/etc",  "/lib", "/lib32", "/lib64",   "/libx32",
    "/proc",          "/root", "/run", "/sbin", "/sys", "/usr",   "/var/run", "/var/lib/containerd",
    "/var/lib/docker"};

// "/run/fairlead" of "/run/fairlead/fairlead.sock"; of a file in "/" itself the file.
std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == 0 || slash == file.npos ? file : file.substr(0, slash);
}

// Where the two meet, as the end of a sentence about `path`; empty: nowhere.
std::string relation(std::string_view path, std::string_view folder) {
  if (path == folder) return "is ";
  if (at_or_below(folder, path)) return "holds ";
  return at_or_below(path, folder) ? "lies in " : "";
}

}  // namespace

bool at_or_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::vector<std::string> own_paths(const Platform& platform) {
  const Platform::Folders& folders = platform.folders;
  std::vector<std::string> paths = {
      folders.manifests,         folders.secrets, folders.state,
      folders.mounted_secrets,   folders.edge,    folders.certificates,
      folder_of(platform.socket)};
  constexpr std::string_view local = "unix://";
  if (platform.engine.host.starts_with(local)) {
    paths.push_back(folder_of(platform.engine.host.substr(local.size())));
  }
  const auto add = [&](const std::string& path) {
    if (!path.empty()) paths.push_back(path);
  };
  add(platform.engine.certificates);
  add(platform.database.password_file);
  add(platform.messagebus.password_file);
  add(platform.edge.acme.dns_env_file);
  for (const auto& [host, login] : platform.registries) add(login.password_file);
  return paths;
}

std::vector<std::string> kept_out(const Platform& platform) {
  std::vector<std::string> paths = own_paths(platform);
  paths.insert(paths.end(), std::begin(system_folders), std::end(system_folders));
  paths.emplace_back("/");
  return paths;
}

std::string why_never_mounted(const Platform& platform, const std::string& path) {
  for (const std::string& own : own_paths(platform)) {
    const std::string how = relation(path, own);
    if (!how.empty()) return how + "fairlead's own " + own;
  }
  for (const std::string_view folder : system_folders) {
    const std::string how = relation(path, folder);
    if (!how.empty()) return how + "the system's " + std::string(folder);
  }
  return "";
}

std::string mount_root_of(const Platform& platform, const std::string& path) {
  std::string outermost;
  for (const std::string& root : platform.mount_roots) {
    if (at_or_below(path, root) && (outermost.empty() || root.size() < outermost.size())) {
      outermost = root;
    }
  }
  return outermost;
}

}  // namespace fairlead
