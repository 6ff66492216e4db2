#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "reconciler/live/file_io.h"
#include "reconciler/live/sql_connection.h"
#include "reconciler/world.h"

// Makes SQL calls, blocking, from any thread. Keeps up to four idle connections per server and
// login for a minute. Invariants: (1) a writing statement is sent at most once: without an answer
// its outcome is unknown; (2) a reading one that met a connection closed meanwhile is sent once
// more, on a new connection; (3) with `read_only` a writing one opens no connection; (4) a call
// ends by its timeout, whatever the server does.
namespace fairlead::live {

class SqlClient {
 public:
  explicit SqlClient(bool read_only);
  ~SqlClient();  // no call may be under way: stop() first
  SqlClient(const SqlClient&) = delete;
  SqlClient& operator=(const SqlClient&) = delete;

  Answer call(const SqlCall& call);

  // Ends every call under way; later ones get no answer.
  void stop();

 private:
  struct Idle {
    std::unique_ptr<SqlConnection> connection;
    SteadyTime since;
  };
  Answer call(const SqlCall& call, const SqlPlace& place);
  Answer no_answer(const SqlCall& call, const SqlConnection& connection, std::string text) const;
  bool stopped() const;
  std::unique_ptr<SqlConnection> take(const SqlPlace& place);
  void give_back(std::unique_ptr<SqlConnection> connection);
  std::vector<Idle> remove_idle(const SqlPlace* place);

  const bool read_only_;
  const UniqueFd stop_;  // an eventfd: readable after stop()
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the latest used is the last
};

}  // namespace fairlead::live
