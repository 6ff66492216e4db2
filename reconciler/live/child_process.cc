#include "reconciler/live/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "reconciler/check.h"

namespace fairlead::live {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kOutputMax = 64u << 10;
constexpr std::chrono::milliseconds kGrace{500};

// What a name without "/" stands for. PATH is not asked: it is whoever's who started us.
std::string path_of(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  for (const char* folder :
       {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
    std::string path = folder + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

std::vector<std::string> environment_of(const ChildProcess::Environment& more) {
  std::vector<std::string> all;
  std::set<std::string> names;
  for (const auto& [name, value] : more) {
    all.push_back(name + "=" + value);
    names.insert(name);
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (names.count(text.substr(0, text.find('='))) == 0) all.push_back(text);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

// How a child begins: posix_spawn's two objects.
class Setup {
 public:
  explicit Setup(int output) {
    FAIRLEAD_CHECK(::posix_spawn_file_actions_init(&actions) == 0);
    FAIRLEAD_CHECK(::posix_spawnattr_init(&attributes) == 0);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::sigaddset(&signals, SIGPIPE);  // which we ignore, and ignoring is inherited
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Setup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

// glibc 2.36 declares its own pidfd_open for C only.
int handle_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

Error cannot_start(const std::string& program, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::not_found : Code::unavailable;
  return Error{code, "cannot start " + program + ": " + errno_text(error), ""};
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

}  // namespace

std::string last_part(std::string text) {
  if (text.size() > kOutputMax) text.erase(0, text.size() - kOutputMax);
  return text;
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& arguments,
                                         const Environment& environment) {
  FAIRLEAD_CHECK(!arguments.empty());
  const std::string path = path_of(arguments[0]);
  if (path.empty()) return cannot_start(arguments[0], ENOENT);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot_start(path, errno);
  UniqueFd output(ends[0]);
  const UniqueFd input(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  const Setup setup(input.get());
  const std::vector<std::string> variables = environment_of(environment);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, path.c_str(), &setup.actions, &setup.attributes,
                                  pointers(arguments).data(), pointers(variables).data());
  if (error != 0) return cannot_start(path, error);
  UniqueFd handle(handle_of(pid));
  const int handle_error = handle.ok() ? 0 : errno;
  ChildProcess child(pid, std::move(handle), std::move(output));
  if (handle_error != 0) return cannot_start(path, handle_error);  // no descriptor left
  return child;
}

ChildProcess::ChildProcess(pid_t pid, UniqueFd handle, UniqueFd output)
    : pid_(pid), handle_(std::move(handle)), pipe_(std::move(output)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      status_(other.status_),
      handle_(std::move(other.handle_)),
      pipe_(std::move(other.pipe_)),
      output_(std::move(other.output_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool ChildProcess::wait(Clock::time_point deadline, int stop) {
  for (;;) {
    pollfd polled[] = {{handle_.get(), POLLIN, 0}, {pipe_.get(), POLLIN, 0}, {stop, POLLIN, 0}};
    const int left = milliseconds_until(deadline);
    if (::poll(polled, 3, left) < 0 && errno != EINTR) return false;
    read_output();
    if (polled[0].revents != 0) return reap();
    if (polled[2].revents != 0 || left == 0) return false;
  }
}

void ChildProcess::end() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGTERM);
  if (wait(Clock::now() + kGrace, -1)) return;
  ::kill(-pid_, SIGKILL);
  reap();
}

// Its number is its own until this: what signals the group must come before.
bool ChildProcess::reap() {
  int status = 0;
  const pid_t pid = std::exchange(pid_, 0);
  if (::waitpid(pid, &status, 0) == pid) status_ = status;
  read_output();
  return true;
}

void ChildProcess::read_output() {
  char buffer[16384];
  while (pipe_.ok()) {
    const ssize_t got = ::read(pipe_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      pipe_ = UniqueFd();
      return;
    }
    output_.append(buffer, static_cast<std::size_t>(got));
    if (output_.size() > 2 * kOutputMax) output_ = last_part(std::move(output_));
  }
}

std::string ChildProcess::take_output() { return last_part(std::exchange(output_, "")); }

}  // namespace fairlead::live
