#include "reconciler/live/host_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/live/file_io.h"

namespace fairlead::live {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;
using Identity = std::pair<dev_t, ino_t>;

constexpr int attempts_max = 100;

// Their files are not data but the host itself.
constexpr unsigned long host_file_systems[] = {
    PROC_SUPER_MAGIC, SYSFS_MAGIC,      CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
    TRACEFS_MAGIC,    SECURITYFS_MAGIC, BPF_FS_MAGIC,       DEVPTS_SUPER_MAGIC,  PSTOREFS_MAGIC};

Identity identity_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

std::string text_of(const Identity& identity) {
  return std::to_string(identity.first) + ":" + std::to_string(identity.second);
}

Answer look_refused(const std::string& why) { return {403, "", why}; }

Answer look_failed(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return {404, "", path + " does not exist on this host: make it, or correct `mounts`"};
  }
  if (error == ELOOP || error == EXDEV) {
    return look_refused(
        path +
        " is a link, and whoever made it decides what is mounted: remove it, and mount "
        "the folder itself");
  }
  if (error == ENOSYS) {
    return {501, "",
            "this kernel cannot open " + path +
                " without following links (openat2, "
                "Linux 5.6): nothing of the host is mounted"};
  }
  return {500, "", "cannot look at " + path + ": " + errno_text(error)};
}

// A negative errno on failure.
int open_beneath(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int attempts = 0;; ++attempts) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    // The kernel could not rule out a race with a rename somewhere.
    if ((errno != EAGAIN && errno != EINTR) || attempts == attempts_max) return -errno;
  }
}

class Look {
 public:
  Look(const FileCall& call, const HostPathLimits& limits) : call_(call), limits_(limits) {
    for (const std::string& path : call.keeps_out) {
      struct stat status;
      if (::stat(path.c_str(), &status) == 0) kept_out_.emplace_back(identity_of(status), path);
    }
  }

  Answer run() {
    UniqueFd root(::open(call_.root.c_str(), O_PATH | O_CLOEXEC));
    if (!root.ok()) return look_failed(call_.root, errno);
    if (!judge(root.get(), call_.root)) return answer_;
    UniqueFd opened(open_beneath(root.get(), "."));
    if (!opened.ok()) return look_failed(call_.root, -opened.get());
    // Part by part, so that the answer can say which one it is.
    for (std::size_t end = call_.root.size(); end < call_.path.size();) {
      end = std::min(call_.path.find('/', end + 1), call_.path.size());
      const std::string part = call_.path.substr(0, end);
      UniqueFd next(open_beneath(root.get(), relative(part)));
      if (!next.ok()) return look_failed(part, -next.get());
      if (!judge(next.get(), part)) return answer_;
      opened = std::move(next);
    }
    const Identity found = last_;
    if (call_.deep && is_folder_ && !walk(opened.get(), call_.path, 1)) return answer_;
    const std::string text = text_of(found);
    if (call_.identity.empty() || call_.identity == text) return {200, text, ""};
    return look_refused("something else lies at " + call_.path +
                        " than when its container was made");
  }

 private:
  std::string relative(const std::string& path) const {
    return path.substr(call_.root == "/" ? 1 : call_.root.size() + 1);
  }

  // Whether what is open may be mounted; else the answer says why not.
  bool judge(int fd, const std::string& path) {
    struct stat status;
    struct statfs system;
    if (::fstat(fd, &status) != 0 || ::fstatfs(fd, &system) != 0)
      return end(look_failed(path, errno));
    last_ = identity_of(status);
    is_folder_ = S_ISDIR(status.st_mode);
    const bool plain = is_folder_ || S_ISREG(status.st_mode);
    if (!plain) return end(look_refused(path + " is a socket, a pipe or a device"));
    const auto type = static_cast<unsigned long>(system.f_type);
    if (std::count(std::begin(host_file_systems), std::end(host_file_systems), type) > 0) {
      return end(look_refused(path + " is of a file system that shows the host itself"));
    }
    for (const auto& [identity, kept] : kept_out_) {
      if (identity == last_) return end(look_refused(path + " is " + kept + " by another path"));
    }
    return true;
  }

  // Whether nothing below the folder speaks against it. Links are not followed: in a container they
  // lead to its own files.
  bool walk(int fd, const std::string& path, int depth) {
    if (depth > limits_.depth_max)
      return end(look_refused(path + " lies too deep: more than " +
                              std::to_string(limits_.depth_max) + " folders in each other"));
    const OpenFolder folder(::fdopendir(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!folder) return end(look_failed(path, errno));
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++entries_ > limits_.entries_max) {
        return end(look_refused(call_.path + " holds more than " +
                                std::to_string(limits_.entries_max) +
                                " files: mount a folder that is smaller"));
      }
      const unsigned char type = type_of(::dirfd(folder.get()), *entry);
      if (type == DT_SOCK) return end(refuse_socket(path + "/" + name));
      if (type == DT_DIR && !enter(::dirfd(folder.get()), name, path, depth)) return false;
    }
    return true;
  }

  bool enter(int folder, const std::string& name, const std::string& path, int depth) {
    const std::string there = path + "/" + name;
    const UniqueFd fd(::openat(folder, name.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.ok()) return errno == ENOENT || end(look_failed(there, errno));
    if (!judge(fd.get(), there)) return false;
    return !is_folder_ || walk(fd.get(), there, depth + 1);
  }

  Answer refuse_socket(const std::string& path) const {
    return look_refused(path + " is a socket, and whoever mounts " + call_.path +
                        " can speak to who listens there: mount another folder, or remove it");
  }

  // Some file systems do not tell it in their lists.
  static unsigned char type_of(int folder, const dirent& entry) {
    struct stat status;
    if (entry.d_type != DT_UNKNOWN) return entry.d_type;
    if (::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
    return static_cast<unsigned char>(IFTODT(status.st_mode));
  }

  bool end(Answer answer) {
    answer_ = std::move(answer);
    return false;
  }

  const FileCall& call_;
  const HostPathLimits& limits_;
  std::vector<std::pair<Identity, std::string>> kept_out_;
  Answer answer_;
  Identity last_;  // of what was judged last, and the next
  bool is_folder_ = false;
  std::size_t entries_ = 0;
};

}  // namespace

Answer look_at_host_path(const FileCall& call, const HostPathLimits& limits) {
  return Look(call, limits).run();
}

}  // namespace fairlead::live
