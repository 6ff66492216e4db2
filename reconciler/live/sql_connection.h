#pragma once

#include <memory>
#include <optional>
#include <string>

#include "reconciler/live/deadlines.h"
#include "reconciler/live/endpoint.h"
#include "reconciler/world.h"

// One connection to one MariaDB server, as one user. One thread at a time uses it. It runs the
// library's non-blocking calls, because those that block know only whole seconds, only the silence
// between two bytes, and cannot be ended from outside. A name is looked up blocking, all the same.
// Session: utf8mb4, one statement per call, no files of ours, and the `sql_mode` that MariaDB has
// by default, so that escaping means the same whatever the server is set to. After a failure that
// is not the server's answer, or that fails in connect(), the connection is of no more use.
struct st_mysql;

namespace fairlead::live {

struct SqlPlace {
  Endpoint server;  // its host and port
  std::string user;
  Secret password;
  std::optional<Tls> tls;

  bool operator==(const SqlPlace& other) const;
  std::string text() const;  // "HOST:PORT"
};

class SqlConnection {
 public:
  // Whatever is under way ends at `deadline`, and when `stop` (a descriptor) becomes readable.
  struct Limit {
    SteadyTime deadline;
    int stop = -1;
  };
  // `number` is the server's (never below 1000); 0: no answer came.
  struct Failure {
    int number = 0;
    std::string text;
  };

  explicit SqlConnection(SqlPlace place);
  ~SqlConnection();
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;

  std::optional<Failure> connect(const Limit& limit);
  // `rows` becomes a JSON array of arrays of texts and nulls.
  std::optional<Failure> run(const std::string& statement, const Limit& limit, std::string& rows);

  // Whether another statement can be sent: the last one was answered whole, and the server has said
  // nothing since, which at rest can only be a farewell.
  bool usable() const;
  bool connected() const { return connected_; }  // once; it may be lost by now
  bool expired() const { return expired_; }      // a limit has ended what was under way
  const SqlPlace& place() const { return place_; }

 private:
  struct Close {
    void operator()(st_mysql* mysql) const;
  };
  template <typename GoOn>
  void finish(int waiting, const GoOn& go_on, const Limit& limit);
  int wait(int waiting, const Limit& limit);
  int expire(int waiting);
  void configure();
  std::optional<Failure> read_rows(const Limit& limit, std::string& rows);
  Failure failure(const std::string& attempt) const;

  const SqlPlace place_;
  std::unique_ptr<st_mysql, Close> mysql_;
  bool connected_ = false;
  bool in_order_ = false;  // connected, and nothing of an answer is left to be read
  bool expired_ = false;
};

}  // namespace fairlead::live
