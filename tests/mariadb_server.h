#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "reconciler/live/sql_client.h"
#include "tests/program.h"
#include "tests/temp_folder.h"

// A real MariaDB (Debian's mariadb-server-core, with what its client-core has of the installer) in
// a folder of its own, on a port of its own on loopback, whose administrator is "root" without a
// password. It speaks TLS to those who want it, with a certificate for "localhost" from
// `authority`. Killed with its owner.
namespace fairlead::testing {

// A TCP socket on loopback that listens, on a port that was free.
inline int listen_on_loopback(int& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(fd, 64);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

class MariadbServer {
 public:
  MariadbServer() {
    ::close(listen_on_loopback(port_));
    authority.issue("server", "DNS:localhost");
    install_ =
        Program({"/usr/bin/mariadb-install-db", "--no-defaults", user(), data(), "--skip-test-db",
                 "--auth-root-authentication-method=normal", "--skip-name-resolve"},
                folder / "install.log")
            .wait();
    start();
  }

  void start() {
    program_ = std::make_unique<Program>(
        std::vector<std::string>{
            "/usr/sbin/mariadbd", "--no-defaults", user(), data(), "--bind-address=127.0.0.1",
            "--port=" + std::to_string(port_), "--socket=" + folder / "socket",
            "--pid-file=" + folder / "pid", "--skip-name-resolve", "--local-infile=ON",
            "--innodb-buffer-pool-size=8M", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=4M", "--performance-schema=OFF",
            "--ssl-cert=" + folder / "server.pem", "--ssl-key=" + folder / "server.key"},
        folder / "server.log");
  }
  void kill() { program_.reset(); }

  // Whether it could be installed and answers within half a minute.
  bool up() const {
    live::SqlClient client(true);
    SqlCall call;
    call.endpoint = at("127.0.0.1");
    call.login.user = "root";
    call.statement = "SELECT 1";
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (install_ == 0 && std::chrono::steady_clock::now() < end) {
      if (client.call(call).ok()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  int port() const { return port_; }
  std::string at(const std::string& host) const { return host + ":" + std::to_string(port_); }

  const TempFolder folder;
  const Authority authority{folder, "authority"};

 private:
  std::string data() const { return "--datadir=" + folder / "data"; }
  // It refuses to run as root by chance.
  static std::string user() { return ::geteuid() == 0 ? "--user=root" : "--skip-symbolic-links"; }

  int port_ = 0;
  int install_ = -1;
  std::unique_ptr<Program> program_;
};

}  // namespace fairlead::testing
