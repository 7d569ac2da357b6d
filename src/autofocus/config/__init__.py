"""Settings of a workspace and the policy of a project; nothing here reads the world by itself."""
