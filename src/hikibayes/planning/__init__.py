"""What the next study needs: worlds to plan for, designs, simulated studies, and what they say about its size."""
