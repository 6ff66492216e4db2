// visits: the demo app. `visits serve` answers HTTP and counts visits, `visits work` adds them up
// by the hour. Both keep everything in $STORAGE_PATH, and any number of both may share it:
//
//   lock   held (flock) by whoever reads and writes the others
//   count  the number of visits; written beside and renamed, so it is whole at any instant
//   spool  one line per visit, "NUMBER HOUR"; only written where VISITS_SPOOL=yes
//   hours  "upto NUMBER", then "HOUR VISITS" per line; what the worker made of the spool
//
// A visit's number is what makes the worker's sums exact: it skips numbers that it has counted, so
// a crash between writing `hours` and emptying `spool` counts nothing twice.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr int threads = 16;
constexpr std::size_t request_limit = 16 << 10;  // bytes of a request's head

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

// A file descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0640)) {
    if (fd_ < 0) fail(path);
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

  void write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = write(fd_, text.data(), text.size());
      if (written < 0) fail("write");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fsync(fd_) != 0) fail("fsync");
  }

 private:
  int fd_;
};

// The storage folder, locked for as long as this object lives. Between processes and threads alike:
// each opens the lock file anew.
class Storage {
 public:
  Storage()
      : folder_(setting("STORAGE_PATH", "/data")), lock_(folder_ + "/lock", O_RDWR | O_CREAT) {
    while (flock(lock_.fd(), LOCK_EX) != 0) {
      if (errno != EINTR) fail(folder_ + "/lock");
    }
  }

  // Empty where there is no such file.
  std::string read_text(const std::string& name) const {
    const std::string path = folder_ + "/" + name;
    if (access(path.c_str(), F_OK) != 0) return {};
    const File file(path, O_RDONLY);
    std::string text;
    char part[4096];
    ssize_t got = 0;
    while ((got = read(file.fd(), part, sizeof part)) > 0) {
      text.append(part, static_cast<std::size_t>(got));
    }
    if (got < 0) fail(path);
    return text;
  }

  void replace(const std::string& name, const std::string& text) const {
    const std::string path = folder_ + "/" + name;
    File(path + ".new", O_WRONLY | O_CREAT | O_TRUNC).write_all(text);
    if (rename((path + ".new").c_str(), path.c_str()) != 0) fail(path);
    if (fsync(File(folder_, O_RDONLY | O_DIRECTORY).fd()) != 0) fail(folder_);
  }

  void append(const std::string& name, const std::string& line) const {
    File(folder_ + "/" + name, O_WRONLY | O_CREAT | O_APPEND).write_all(line);
  }

 private:
  std::string folder_;
  File lock_;
};

std::string this_hour() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H", &parts);
  return text;
}

long number(const std::string& text) { return std::strtol(text.c_str(), nullptr, 10); }

// Calls visit(first word, second word) for each line of two words.
template <typename Visit>
void each_line(const std::string& text, Visit visit) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) visit(line.substr(0, space), line.substr(space + 1));
    begin = end + 1;
  }
}

long count_visit() {
  const Storage storage;
  const long visit = number(storage.read_text("count")) + 1;
  // The spool first: a crash in between repeats this number, and the worker skips the repetition.
  if (setting("VISITS_SPOOL", "no") == "yes") {
    storage.append("spool", std::to_string(visit) + " " + this_hour() + "\n");
  }
  storage.replace("count", std::to_string(visit) + "\n");
  return visit;
}

// Moves what is in the spool into the hours. Returns how many visits that were.
int add_up() {
  const Storage storage;
  const std::string spool = storage.read_text("spool");
  if (spool.empty()) return 0;
  long upto = 0;
  std::map<std::string, long> hours;
  each_line(storage.read_text("hours"), [&](const std::string& key, const std::string& value) {
    (key == "upto" ? upto : hours[key]) = number(value);
  });
  int added = 0;
  each_line(spool, [&](const std::string& visit, const std::string& hour) {
    if (number(visit) <= upto) return;
    upto = number(visit);
    ++hours[hour];
    ++added;
  });
  std::string text = "upto " + std::to_string(upto) + "\n";
  for (const auto& [hour, visits] : hours) text += hour + " " + std::to_string(visits) + "\n";
  storage.replace("hours", text);
  storage.replace("spool", "");
  return added;
}

std::string page(long visits) {
  std::string rows;
  const std::string hours = Storage().read_text("hours");
  each_line(hours, [&](const std::string& hour, const std::string& total) {
    if (hour != "upto") rows += "<tr><td>" + hour + "<td>" + total + "\n";
  });
  return "<!doctype html><title>visits</title>\n<h1>" + setting("VISITS_TITLE", "Hello") +
         "</h1>\n<p>This page was visited " + std::to_string(visits) + " times.\n" +
         (rows.empty() ? "" : "<table><tr><th>hour (UTC)<th>visits\n" + rows + "</table>\n");
}

struct Answer {
  const char* status = "200 OK";
  const char* type = "text/plain";
  std::string body;
};

Answer answer(const std::string& request) {
  const auto asks = [&](const char* line) { return request.rfind(line, 0) == 0; };
  if (asks("GET / ")) return {"200 OK", "text/html; charset=utf-8", page(count_visit())};
  if (asks("GET /count ")) return {.body = Storage().read_text("count")};
  if (asks("GET /up ")) {
    const Storage storage;  // throws where the storage is gone
    return {.body = "ok\n"};
  }
  return {"404 Not Found", "text/plain", "there are /, /count and /up\n"};
}

Answer answer_or_error(const std::string& request) {
  try {
    return answer(request);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "visits: %s\n", error.what());
    return {"503 Service Unavailable", "text/plain", "the storage does not work\n"};
  }
}

void talk(int connection) {
  const timeval patience{5, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::string request;
  char part[2048];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = recv(connection, part, sizeof part, 0);
    if (got <= 0 || request.size() > request_limit) return;
    request.append(part, static_cast<std::size_t>(got));
  }
  const Answer answer = answer_or_error(request);
  const std::string text = std::string("HTTP/1.1 ") + answer.status +
                           "\r\nContent-Type: " + answer.type +
                           "\r\nContent-Length: " + std::to_string(answer.body.size()) +
                           "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + answer.body;
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t sent = send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, SOMAXCONN) != 0) {
    fail("port " + std::to_string(port));
  }
  return listener;
}

std::atomic<int> accepting{threads};

void accept_all(int listener) {
  for (;;) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0 && errno == EINVAL) break;  // the listener was shut down
    if (connection < 0) continue;
    talk(connection);
    shutdown(connection, SHUT_WR);
    close(connection);
  }
  --accepting;
}

// Blocked in every thread, and waited for in main: as process 1 of a container there is no default
// action for signals.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void serve() {
  const sigset_t signals = block_stop_signals();
  const int port = static_cast<int>(number(setting("PORT", "8080")));
  const int listener = listen_on(port);
  for (int i = 0; i < threads; ++i) std::thread(accept_all, listener).detach();
  std::printf("visits: serving on port %d\n", port);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  shutdown(listener, SHUT_RD);
  for (int i = 0; i < 200 && accepting > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::printf("visits: stopped\n");
}

void work() {
  const sigset_t signals = block_stop_signals();
  std::printf("visits: working\n");
  const timespec pause{1, 0};
  do {
    const int added = add_up();
    if (added > 0) std::printf("visits: added up %d\n", added);
    std::fflush(stdout);
  } while (sigtimedwait(&signals, nullptr, &pause) < 0);
  std::printf("visits: stopped\n");
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count == 2 ? words[1] : "";
  try {
    if (verb == "serve") {
      serve();
    } else if (verb == "work") {
      work();
    } else {
      std::fprintf(stderr, "usage: visits serve|work\n");
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "visits: %s\n", error.what());
    return 1;
  }
  std::fflush(stdout);
  std::_Exit(0);  // the accepting threads are not joined
}
