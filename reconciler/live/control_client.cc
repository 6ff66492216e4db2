#include "reconciler/live/control_client.h"

#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "reconciler/live/control_server.h"
#include "reconciler/live/file_io.h"
#include "reconciler/url.h"

namespace fairlead::live {

namespace {

constexpr std::chrono::seconds kAnswerMax{15};  // longer than the daemon's own limit

httplib::Request make_request(const std::string& verb,
                              const std::map<std::string, std::string>& words) {
  httplib::Request request;
  request.path = "/v1/" + verb;
  request.set_header("Host", "localhost");
  if (writing_verb(verb)) {
    Json body = Json::object();
    for (const auto& [name, value] : words) body.set(name, value);
    request.method = "POST";
    request.body = body.dump();
    request.set_header("Content-Type", "application/json");
    return request;
  }
  request.method = "GET";
  char separator = '?';
  for (const auto& [name, value] : words) {
    request.path += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return request;
}

Error no_answer(const std::string& socket_path, int error) {
  if (error == EACCES) {
    return Error{Code::denied,
                 "no permission for " + socket_path +
                     ": run this as root or as a member of the group that owns it",
                 ""};
  }
  if (error == ENOENT || error == ECONNREFUSED) {
    return Error{
        Code::unavailable,
        "nobody listens on " + socket_path + ": is fairlead running? Start it with `fairlead run`",
        ""};
  }
  return Error{Code::unavailable, "no answer on " + socket_path + ": see fairlead's log", ""};
}

}  // namespace

Result<ControlAnswer> ask(const std::string& socket_path, const std::string& verb,
                          const std::map<std::string, std::string>& words) {
  // Asked first: the library does not say why it could not connect.
  if (::access(socket_path.c_str(), R_OK | W_OK) != 0) return no_answer(socket_path, errno);
  httplib::ClientImpl client(socket_path, 80);
  client.set_address_family(AF_UNIX);
  client.set_url_encode(false);
  client.set_connection_timeout(std::chrono::seconds(5));
  client.set_read_timeout(kAnswerMax);
  httplib::Request request = make_request(verb, words);
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  if (!client.send(request, response, error)) {
    const bool refused = error == httplib::Error::Connection;
    return no_answer(socket_path, refused ? ECONNREFUSED : 0);
  }
  Result<Json> body = Json::parse(response.body);
  if (!body) return no_answer(socket_path, 0);
  return ControlAnswer{response.status, std::move(*body)};
}

}  // namespace fairlead::live
