#include "reconciler/live/connector.h"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>

#include "reconciler/live/endpoint.h"

namespace fairlead::live {
namespace {

using Clock = std::chrono::steady_clock;

// Within a sentence: "connection refused".
Answer no_answer(int error) {
  std::string text = errno_text(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return {0, "", std::move(text)};
}

}  // namespace

Connector::Connector() : stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Connector::stop() const { ::eventfd_write(stop_.get(), 1); }

Answer Connector::call(const ConnectCall& call) const {
  const Result<Endpoint> place = service_endpoint(call.endpoint);
  if (!place) return {0, "", place.error().message};
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(place->port);
  if (::getaddrinfo(place->host.c_str(), port.c_str(), &hints, &found) != 0) {
    return {0, "", "not an address: " + place->host};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> address(found, ::freeaddrinfo);
  const UniqueFd socket(
      ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.ok()) return no_answer(errno);
  if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) return {200, "", ""};
  return errno == EINPROGRESS ? wait(socket, call) : no_answer(errno);
}

Answer Connector::wait(const UniqueFd& socket, const ConnectCall& call) const {
  const auto deadline = Clock::now() + call.timeout;
  pollfd fds[2] = {{socket.get(), POLLOUT, 0}, {stop_.get(), POLLIN, 0}};
  while (fds[0].revents == 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      return {0, "", "no answer within " + std::to_string(call.timeout.count()) + " ms"};
    }
    constexpr std::int64_t longest = 60'000;
    ::poll(fds, 2, static_cast<int>(std::min<std::int64_t>(left.count(), longest)));
    if (fds[1].revents != 0) return {0, "", "fairlead is ending"};
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Answer{200, "", ""} : no_answer(error);
}

}  // namespace fairlead::live
