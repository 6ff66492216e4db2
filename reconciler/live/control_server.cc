#include "reconciler/live/control_server.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "reconciler/live/file_io.h"

namespace fairlead::live {

namespace {

constexpr std::size_t kBodyMax = 64u << 10;
constexpr std::size_t kThreads = 4;

void answer(httplib::Response& response, int status, const Json& body) {
  response.status = status;
  response.set_content(body.dump() + "\n", "application/json");
}

void refuse(httplib::Response& response, int status, const std::string& message) {
  answer(response, status, Json::object({{"error", message}}));
}

// 0 where somebody accepts connections there, else the errno.
int try_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return errno;
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                         : errno;
}

Result<void> clear_the_way(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{Code::invalid, "the control socket's path is longer than 107 bytes: " + path, ""};
  }
  const std::size_t slash = path.find_last_of('/');
  const int error =
      slash == std::string::npos || slash == 0 ? 0 : make_folders(path.substr(0, slash), 0755);
  if (error != 0) {
    return Error{Code::unavailable, "cannot make the folder of " + path + ": " + errno_text(error),
                 ""};
  }
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return Error{Code::conflict, path + " is there and no socket: move it away", ""};
  if (try_connect(path) == 0)
    return Error{Code::conflict, "another program listens on " + path + ": stop it first", ""};
  ::unlink(path.c_str());
  return {};
}

bool words_of(const httplib::Request& request, std::map<std::string, std::string>& words) {
  for (const auto& [name, value] : request.params) words[name] = value;
  if (request.method != "POST" || request.body.empty()) return true;
  const Result<Json> body = Json::parse(request.body);
  if (!body || !body->is_object()) return false;
  for (const auto& [name, value] : body->members()) {
    if (!value.is_string()) return false;
    words[name] = value.as_string();
  }
  return true;
}

}  // namespace

bool writing_verb(const std::string& verb) {
  return verb == "approve" || verb == "purge" || verb == "suspend" || verb == "resume";
}

ControlServer::ControlServer(std::string path, Asked asked, std::chrono::milliseconds reply_max)
    : path_(std::move(path)),
      asked_(std::move(asked)),
      reply_max_(reply_max),
      server_(std::make_unique<httplib::Server>()) {}

Result<std::unique_ptr<ControlServer>> ControlServer::listen(const std::string& path, Asked asked,
                                                             std::chrono::milliseconds reply_max) {
  const Result<void> clear = clear_the_way(path);
  if (!clear) return clear.error();
  std::unique_ptr<ControlServer> server(new ControlServer(path, std::move(asked), reply_max));
  const Result<void> started = server->start();
  if (!started) return started.error();
  return server;
}

Result<void> ControlServer::start() {
  server_->set_address_family(AF_UNIX);
  server_->set_payload_max_length(kBodyMax);
  server_->set_keep_alive_max_count(1);  // an idle connection would hold a thread
  // Askers are on this host and send at once; the wait also bounds how long the destructor may
  // take.
  server_->set_read_timeout(std::chrono::milliseconds(700));
  server_->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
    handle(request, response);
  };
  server_->Get(R"(/v1/([a-z]+))", handler);
  server_->Post(R"(/v1/([a-z]+))", handler);
  if (!server_->bind_to_port(path_, 80)) {
    return Error{
        Code::unavailable,
        "cannot listen on " + path_ + ": " + errno_text(errno) + "; " + write_advice(errno), ""};
  }
  ::chmod(path_.c_str(), 0660);
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  // A stop() before it runs would be lost.
  while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::microseconds(100));
  return {};
}

ControlServer::~ControlServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    replied_.notify_all();
  }
  if (!thread_.joinable()) return;
  server_->stop();
  thread_.join();
  ::unlink(path_.c_str());
}

void ControlServer::handle(const httplib::Request& request, httplib::Response& response) {
  Command command;
  command.verb = request.matches[1];
  if (writing_verb(command.verb) != (request.method == "POST"))
    return refuse(response, 405, command.verb + " is not asked by " + request.method);
  if (!words_of(request, command.words))
    return refuse(response, 400, "the body must be a JSON object of strings");
  const Reply reply = ask(std::move(command));
  if (reply.status == 0) return refuse(response, 503, "fairlead gave no reply in time: try again");
  answer(response, reply.status, reply.body);
}

Reply ControlServer::ask(Command command) {
  std::unique_lock lock(mutex_);
  if (stopping_) return Reply{0, 0, {}};
  const std::uint64_t id = ++last_command_;
  command.id = id;
  waiting_[id].status = 0;
  asked_(std::move(command));
  replied_.wait_for(lock, reply_max_, [&] { return stopping_ || waiting_[id].status != 0; });
  Reply reply = std::move(waiting_[id]);
  waiting_.erase(id);
  return reply;
}

void ControlServer::reply(const Reply& reply) {
  const std::lock_guard lock(mutex_);
  const auto waiting = waiting_.find(reply.command);
  if (waiting == waiting_.end()) return;  // too late: the asker has been told
  waiting->second = reply;
  replied_.notify_all();
}

}  // namespace fairlead::live
