#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reconciler/world.h"

// A MariaDB server at the level of statements: exactly the forms of providers/mariadb/sql.h, with
// the error numbers and the traps of 10.11. Grants outlive databases, sessions outlive accounts and
// locks, each statement stands for itself. Its data belongs to a volume and outlives the containers
// that serve it; its sessions end with the process. Owned by SimServices or a test; one thread.
// What is no known form is error 1064.
namespace fairlead::sim {

class SimMariaDb {
 public:
  // USER and HOST; a role's host is empty.
  using Who = std::pair<std::string, std::string>;

  struct Database {
    std::string charset = "utf8mb4";
    std::string comment;
  };
  struct Account {
    std::vector<std::string> hashes;  // of mysql_native_password; any of them opens it
    bool had_several = false;         // the server keeps an empty list of alternatives
    bool locked = false;
    int connections_max = 0;  // 0: no limit
    std::string other_limit;  // a member of the JSON that nothing of ours sets ("max_questions")
    bool all_privileges = false;  // on *.*
  };
  struct Session {
    std::string user;
    std::string address;
  };

  explicit SimMariaDb(const std::string& root_password);

  // One connection, one statement. `from` is the client's address.
  Answer ask(const Login& login, const std::string& statement, const std::string& from);
  // The same as somebody who is an administrator already.
  Answer execute(const std::string& statement);

  // A client's connection that stays: its id, or 0 where it was refused.
  std::uint64_t connect(const std::string& user, const std::string& password,
                        const std::string& address);
  bool lets_in(const std::string& user, const std::string& password) const;
  void disconnect(std::uint64_t session) { sessions_.erase(session); }
  void end_process() { sessions_.clear(); }

  // What an administrator does by hand, with statements that fairlead never sends.
  void create_database(const std::string& name, const std::string& comment = "");
  void set_password(const std::string& user, const std::string& password);
  void create_user(const Who& who, const std::string& password);
  void grant(const Who& who, const std::string& pattern, const std::set<std::string>& privileges);
  void revoke_all(const Who& who, const std::string& pattern) { grants_.erase({who, pattern}); }
  void lose_account_row(const Who& who) { accounts_.erase(who); }
  // Null: there is none, because a fault came before.
  Account* account(const std::string& user) {
    const auto found = accounts_.find({user, "%"});
    return found == accounts_.end() ? nullptr : &found->second;
  }
  void be_full(bool full) { full_ = full; }  // of connections

  const std::map<std::string, Database>& databases() const { return databases_; }
  const std::map<Who, Account>& accounts() const { return accounts_; }
  const std::map<std::uint64_t, Session>& sessions() const { return sessions_; }
  // Holds all that an app is given on its database.
  bool may_use(const std::string& user, const std::string& database) const;
  // All but sessions, as text that is equal for equal servers.
  std::string text() const;

 private:
  class Statement;                               // takes one apart
  using GrantKey = std::pair<Who, std::string>;  // the pattern as it was written

  Answer select(const std::string& statement);
  Answer create(Statement& said);
  Answer alter(Statement& said);
  Answer drop(Statement& said);
  Answer give(Statement& said);
  Answer revoke(Statement& said);
  Answer revoke_on(Statement& said, const std::set<std::string>& privileges, bool all);
  Answer kill(Statement& said);
  Answer seen(const std::string& app) const;
  bool outlived(const Who& who) const;  // rows of an account that is gone

  bool full_ = false;
  std::uint64_t last_session_ = 100;
  std::map<std::string, Database> databases_;
  std::map<Who, Account> accounts_;
  std::map<GrantKey, std::set<std::string>> grants_;  // → privileges, "GRANT OPTION" among them
  std::set<std::pair<Who, std::string>> roles_;       // who has which
  std::map<std::uint64_t, Session> sessions_;
};

}  // namespace fairlead::sim
